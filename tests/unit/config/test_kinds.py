"""Values that are words and numbers: durations, modes, accounts."""

import pytest

from mtasts_resolver.config import kinds


@pytest.mark.parametrize("text", ["", "8", "0", "07777", "0888", "rw-rw----", "-660", "660\n"])
def test_no_modes(text: str) -> None:
    with pytest.raises(ValueError, match="is not an octal file mode such as 0660"):
        kinds.parse_mode(text)


@pytest.mark.parametrize("text", ["postfix", "_mta-sts", "Domain.User", "1000"])
def test_accounts(text: str) -> None:
    assert kinds.parse_account(text) == text


@pytest.mark.parametrize("text", ["", "-x", "a b", "a:b", "root\n", "a" * 33, "../x", "ü"])
def test_no_accounts(text: str) -> None:
    with pytest.raises(ValueError, match="is not the name or number"):
        kinds.parse_account(text)


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.5, "0.5s"), (90, "90s"), (60, "1m"), (7200, "2h"), (86_400, "1d")]
)
def test_durations_are_shown_as_they_are_written(seconds: float, text: str) -> None:
    assert kinds.show_duration(seconds) == text
    assert kinds.duration(0, 1e9, "").parse(text) == seconds
