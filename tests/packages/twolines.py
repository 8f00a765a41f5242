"""What the installation of the package prints for an administrator to type."""

import re

PRINTED = re.compile(
    r"left to type, as root:\n\n(?P<commands>.+?\n)\n`mtasts-resolver doctor` says", re.DOTALL
)


def printed_commands(said: str) -> str:
    """Return the commands as they stand in what apt wrote, which has a terminal of its own."""
    printed = PRINTED.search(said.replace("\r\n", "\n"))
    assert printed is not None, said
    return printed["commands"]
