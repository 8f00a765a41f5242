"""What whoever wants a page meets where matplotlib is not installed."""


class PlottingMissingError(ImportError):
    """`page.py` cannot be imported; the message says what to install."""
