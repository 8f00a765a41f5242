"""Lines out of pieces of bytes."""

from collections.abc import Iterable, Iterator

from mtasts_resolver.evidence.inputs.packed import Readable, unpacked_pieces

# Bytes of a line that are looked at. rsyslog cuts at 8 KiB by default, journald at 48 KiB, and
# JSON may write six bytes for one; what a host replied is at the end.
MAX_LINE = 262_144


def lines_in(pieces: Iterable[bytes]) -> Iterator[list[bytes]]:
    """Yield the lines of each piece, without their ends; what is too long is cut.

    NULs, which a file has where the host went down while it was written, are left out.
    """
    rest = b""
    for piece in pieces:
        text = piece.replace(b"\0", b"") if b"\0" in piece else piece
        lines = text.split(b"\n")
        lines[0] = rest + lines[0]
        if max(map(len, lines)) > MAX_LINE:
            lines = [line[:MAX_LINE] for line in lines]
        rest = lines.pop()
        yield lines
    if rest:
        yield [rest]


def decoded_lines(file: Readable) -> Iterator[str]:
    """Yield the lines of a file that may be packed, as text. Raise InputError."""
    for lines in lines_in(unpacked_pieces(file)):
        for line in lines:
            yield line.decode("utf-8", "replace")
