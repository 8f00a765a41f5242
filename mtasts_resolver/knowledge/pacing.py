"""What an administrator may have done at once, and still not over and over."""

from collections import OrderedDict

# An administrator who looks, writes to the domain's owner and looks again takes longer; a script in
# a loop does not, and would have the policy host fetched from as often as it turns. RFC 8461 §3.3
# lets no retry begin sooner than five minutes, but speaks of those that nobody asks for.
PAUSE_BETWEEN = 10.0  # seconds


class TooSoonError(Exception):
    """It was done a moment ago; `seconds` must pass until it may be done again."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"it was asked for a moment ago; try again in {seconds:.0f} s")
        self.seconds = seconds


class Pacing:
    """Remembers what was begun within PAUSE_BETWEEN, which is as much as can be begun in it."""

    def __init__(self) -> None:
        self._begun: OrderedDict[str, float] = OrderedDict()

    def begin(self, key: str, now: float) -> None:
        """Take note that something begins for `key`. Raise TooSoonError."""
        while self._begun and now - next(iter(self._begun.values())) >= PAUSE_BETWEEN:
            self._begun.popitem(last=False)
        if key in self._begun:
            raise TooSoonError(self._begun[key] + PAUSE_BETWEEN - now)
        self._begun[key] = now
