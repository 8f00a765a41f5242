"""The members of an object, by the names of RFC 8460 §4.4 in whatever spelling, and their values.

Each value is made what the RFC wants of it, as long as it is clear what is meant; what is odd about
it is noted, and so is that nothing could be made of it.
"""

from collections.abc import Iterable, Iterator

from mtasts_resolver.tlsrpt.kinds import bare_name
from mtasts_resolver.tlsrpt.limits import MAX_ODDITIES, MAX_SESSIONS, MAX_STRINGS, MAX_WORDS

_SHOWN = 40  # characters of a value that is named: enough to recognise it

# What the members are called besides, as `bare_name` has it. Some are names of tools that read
# reports, and write them in a form of their own.
_ALSO = {
    "organization-name": ("organisationname", "organization", "orgname"),
    "date-range": ("daterange", "period"),
    "start-datetime": ("startdate", "begindate", "begindatetime", "start", "begin"),
    "end-datetime": ("enddate", "end"),
    "contact-info": ("contact",),
    "report-id": ("id",),
    "policies": ("policy",),
    "policy-string": ("policystrings",),
    "mx-host": ("mxhosts", "mxhostpattern", "mxhostpatterns"),
    "total-successful-session-count": ("totalsuccesssessioncount", "successfulsessioncount"),
    "total-failure-session-count": ("totalfailedsessioncount", "failedsessioncount"),
    "failure-details": ("failuredetail", "failures"),
    "failed-session-count": ("sessioncount", "failuresessioncount"),
    "failure-reason-code": ("failureerrorcode", "failurereason"),
    # RFC 8460 §4.4 has the one in its table, and the other in its example.
    "additional-information": ("additionalinfouri", "additionalinformationuri"),
}
_NO_ODDITY = {"additional-info-uri", "additional-information"}


class Oddities:
    """What is noted, each once."""

    def __init__(self, words: Iterable[str] = ()) -> None:
        self._noted = dict.fromkeys(filter(None, words))

    def __call__(self, words: str) -> None:
        if len(self._noted) < MAX_ODDITIES:
            self._noted[words] = None

    def __iter__(self) -> Iterator[str]:
        return iter(self._noted)


class Fields:
    """An object."""

    def __init__(self, members: dict[str, object], odd: Oddities) -> None:
        self._members: dict[str, tuple[str, object]] = {}
        self._odd = odd
        for name, value in members.items():
            self._members.setdefault(bare_name(name[:MAX_WORDS]), (name, value))

    def __contains__(self, name: str) -> bool:
        return self._find(name) is not None

    def value(self, name: str) -> object:
        """Return what the member is; None where there is none, or null."""
        found = self._find(name)
        if found is None:
            return None
        if found[0] != name and name not in _NO_ODDITY:
            self._odd(f"{name} is called {found[0][:_SHOWN]!a}")
        return found[1]

    def text(self, name: str, *, needed: bool = False) -> str:
        """Return a member that is a text, bounded."""
        value = self.value(name)
        if value is None and needed:
            self._odd(f"{name} is null" if name in self else f"{name} is missing")
        if value is None:
            return ""
        if isinstance(value, int | float) and not isinstance(value, bool):
            self._odd(f"{name} is a number, not a text")
            return str(value)[:MAX_WORDS]
        if not isinstance(value, str):
            self._odd(f"{name} is no text, and not read")
            return ""
        value = value.strip()
        if len(value) > MAX_WORDS:
            self._odd(f"{name} is longer than {MAX_WORDS} characters, and cut")
        return value[:MAX_WORDS]

    def texts(self, name: str, limit: int = MAX_WORDS) -> tuple[str, ...]:
        """Return a member that is a list of texts, each of at most `limit` characters."""
        value = self.value(name)
        if isinstance(value, str):
            self._odd(f"{name} is a text, not a list")
            value = value.splitlines()
        if value is None:
            return ()
        if not isinstance(value, list):
            self._odd(f"{name} is no list, and not read")
            return ()
        texts = [item.strip()[:limit] for item in value if isinstance(item, str)]
        if len(texts) < len(value):
            self._odd(f"some of {name} is no text, and not read")
        if len(texts) > MAX_STRINGS:
            self._odd(f"{name} has more than {MAX_STRINGS} items, and is cut")
        return tuple(filter(None, texts[:MAX_STRINGS]))

    def sessions(self, name: str) -> int | None:
        """Return a member that counts sessions; None where it does not, or not credibly."""
        value = self.value(name)
        if value is None:
            return None
        if isinstance(value, str) and value.strip().isdecimal() and len(value) < _SHOWN:
            self._odd(f"{name} is a text, not a number")
            value = int(value)
        elif isinstance(value, float) and value.is_integer():
            self._odd(f"{name} is not written as a whole number")
            value = int(value)
        if not isinstance(value, int) or isinstance(value, bool):
            self._odd(f"{name} is no number, and not counted: {str(value)[:_SHOWN]!a}")
        elif value < 0:
            self._odd(f"{name} is negative, and not counted")
        elif value > MAX_SESSIONS:
            self._odd(f"{name} is absurd, and not counted: more than {MAX_SESSIONS:,}")
        else:
            return value
        return None

    def within(self, name: str) -> "Fields":
        """Return a member that is an object; an empty one where it is none."""
        value = self.value(name)
        if value is not None and not isinstance(value, dict):
            self._odd(f"{name} is no object, and not read")
        return Fields(value if isinstance(value, dict) else {}, self._odd)

    def objects(self, name: str) -> list[dict[str, object]]:
        """Return a member that is a list of objects."""
        value = self.value(name)
        if isinstance(value, dict):
            self._odd(f"{name} is an object, not a list")
            value = [value]
        if value is None:
            return []
        if not isinstance(value, list):
            self._odd(f"{name} is no list, and not read")
            return []
        found = [item for item in value if isinstance(item, dict)]
        if len(found) < len(value):
            self._odd(f"some of {name} is no object, and not read")
        return found

    def _find(self, name: str) -> tuple[str, object] | None:
        for spelling in (bare_name(name), *_ALSO.get(name, ())):
            if spelling in self._members:
                return self._members[spelling]
        return None
