"""A file as it is read, with the sum of its bytes."""

import hashlib
from typing import BinaryIO

_PIECE = 1 << 20  # bytes that are read at a time of what is only summed up


class SummedFile:
    """A file."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._sum = hashlib.sha256()
        self.size = 0

    def read(self, size: int, /) -> bytes:
        some = self._file.read(size)
        self._sum.update(some)
        self.size += len(some)
        return some

    def sum_up_rest(self) -> None:
        """Read what nobody wanted to read: the sum is of all of it."""
        while self.read(_PIECE):
            pass

    @property
    def sha256(self) -> str:
        return self._sum.hexdigest()
