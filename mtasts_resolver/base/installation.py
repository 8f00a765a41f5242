"""How this program was installed: what it lacks comes from the same place."""

import sys
from pathlib import Path

# Where Debian's packages have it, and nobody else: that of Debian 13, and that of Debian 12.
_DEBIAN_PLACES = ("/usr/lib/python3/dist-packages", "/usr/lib/mtasts-resolver")


def is_debian_package(module: str = __file__) -> bool:
    """Tell whether a file of the program belongs to a Debian package."""
    return any(Path(module).is_relative_to(place) for place in _DEBIAN_PLACES)


def command_for(library: str) -> str:
    """Return the command that installs a Python library which is wanted and missing."""
    if is_debian_package():
        return f"apt install python3-{library}"
    return f"{sys.prefix}/bin/pip install {library}"
