"""Others' words, made fit for a line of a log or of an error: bounded, and without controls."""

QUOTED = 60  # characters: enough to recognise a value in a file or a command line
PRINTED = 120  # characters: enough to recognise what was sent, too little to flood a log


def quote(value: str) -> str:
    """Return `value` as an error quotes it: in quotes, and in ASCII."""
    return ascii(_bounded(value, QUOTED))


def printable(text: str) -> str:
    """Return the words of a stranger as they are, bounded, with every control character escaped."""
    return _bounded(escaped(text[: PRINTED + 1]), PRINTED)


def escaped(text: str) -> str:
    """Return `text` with every control character escaped, and every mark that reorders text."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)


def _bounded(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 3] + "..."
