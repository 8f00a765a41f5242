"""Values as an error quotes them."""

SHOWN = 60  # characters: enough to recognise a value in a file or a command line


def quote(text: str) -> str:
    """Return `text` in quotes, bounded, in ASCII, and without control characters."""
    return ascii(text if len(text) <= SHOWN else text[: SHOWN - 3] + "...")
