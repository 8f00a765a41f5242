"""Others' words, made fit for a line of a log or of an error: bounded, and without controls."""

QUOTED = 60  # characters: enough to recognise a value in a file or a command line
PRINTED = 120  # characters: enough to recognise what was sent, too little to flood a log


def quote(value: str) -> str:
    """Return `value` as an error quotes it: in quotes, and in ASCII."""
    return ascii(_bounded(value, QUOTED))


def printable(text: str) -> str:
    """Return the words of a stranger as they are, with every control character escaped."""
    shown = text[: PRINTED + 1]
    if not shown.isprintable():
        shown = "".join(char if char.isprintable() else ascii(char)[1:-1] for char in shown)
    return _bounded(shown, PRINTED)


def _bounded(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 3] + "..."
