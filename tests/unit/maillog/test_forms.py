"""Lines of all forms, and what each says: `summary<TAB>line` in the files beside this one.

In `forms.tsv` they are of Postfix 2.2 to 3.12, of whatever writes and collects logs, and made up.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from mtasts_resolver.maillog.idle import idle_beginnings
from mtasts_resolver.maillog.reading import LineReader
from tests.unit.maillog.lines import NEWEST, summary, utc

HERE = Path(__file__).parent


def rows(name: str) -> Iterator[tuple[str, str]]:
    """Yield the lines of a file, each with what it says."""
    for row in (HERE / name).read_text(encoding="utf-8").splitlines():
        if not row.startswith("#"):
            says, line = row.split("\t", 1)
            yield line, says


FORMS = [*rows("forms.tsv"), *rows("recorded.tsv")]


@pytest.mark.parametrize(("line", "says"), FORMS)
def test_what_a_line_says(line: str, says: str) -> None:
    assert summary(line) == says


def test_one_reader_reads_them_all_in_any_order() -> None:
    """What is remembered of lines before does not change what a line says, but for its year."""
    stamped = [line for line, _ in FORMS if re.match(r"[0-9]{4}-|Mar |Nov ", line)]
    assert len(stamped) > 250
    reader = LineReader(utc, NEWEST)
    for line in (*stamped, *stamped[::-1], *stamped):
        alone = LineReader(utc, NEWEST).read(line.encode())
        together = reader.read(line.encode())
        assert (alone is None) is (together is None), line
        if alone is not None and together is not None:
            assert together.message == alone.message
            assert (together.host, together.service, together.daemon, together.pid) == (
                alone.host,
                alone.service,
                alone.daemon,
                alone.pid,
            )
            assert together.time == alone.time


@pytest.mark.parametrize(("line", "says"), FORMS)
def test_what_is_dropped_unseen_is_of_no_use(line: str, says: str) -> None:
    """No message that says something may begin as those that are of no use."""
    message = line[line.find("]: ") + 3 :].encode()
    daemon = re.sub(r"\[.*", "", line).split("/")[-1]
    beginnings = idle_beginnings(daemon)
    if says.split(maxsplit=1)[0] not in {"idle", "nothing"} and beginnings is not None:
        assert not beginnings.match(message)
