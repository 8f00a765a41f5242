"""What a Postfix instance is set to: values alone, as its own postconf(1) tells them."""

import re
from collections.abc import Callable, Iterable, Mapping
from shlex import quote as shell_word

from msgspec import Struct

_NUMBER = re.compile(r"\d+")
_SEPARATORS = frozenset(", \t\r\n")
_OUTBOUND = ("smtp", "lmtp")


class WrittenPlace(Struct, frozen=True):
    """Where something stands: a file, and a line of it, counted from 1."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


class MasterService(Struct, frozen=True, kw_only=True):
    """A line of master.cf."""

    name: str
    type: str
    """Such as `unix`, `inet`, `unix-dgram`, `pass`."""
    chroot: bool
    """Whether it runs in the queue directory; what `-` means is decided already."""
    program: str
    """The file in Postfix's daemon_directory, such as `smtp`."""
    overrides: Mapping[str, str] = {}
    """What its `-o` sets, as written."""
    values: Mapping[str, str] = {}
    """Every parameter as it counts for the service: expanded, and with `overrides`."""
    place: WrittenPlace | None = None

    @property
    def key(self) -> str:
        """As postconf's -M, -F and -P name it."""
        return f"{self.name}/{self.type}"

    @property
    def is_outbound(self) -> bool:
        """Whether it is a client that sends mail: smtp(8), or the same program as lmtp(8)."""
        return self.program in _OUTBOUND

    @property
    def prefix(self) -> str:
        """What the names of its parameters begin with: `smtp` or `lmtp`."""
        return self.program

    def value(self, name: str) -> str:
        """Return what counts for a parameter; empty if Postfix does not know it."""
        return self.values.get(name, "")


class PostfixInstance(Struct, frozen=True, kw_only=True):
    """One instance of Postfix, as it was read."""

    config_directory: str
    name: str = ""
    """Its multi_instance_name; most have none."""
    is_default: bool
    """Whether it is the one that `postconf` without `-c` speaks of."""
    enabled: bool = True
    """Whether `postfix start` starts it: multi_instance_enable; the default one is always."""
    version_text: str
    """As the program has it compiled in, such as `3.10.13`."""
    map_types: frozenset[str] = frozenset()
    """The types of tables that it can open: `postconf -m`."""
    written: Mapping[str, str] = {}
    """What main.cf sets, as written: `postconf -n`."""
    values: Mapping[str, str] = {}
    """Every parameter, with its default, expanded: `postconf -x`."""
    services: tuple[MasterService, ...] = ()
    """Those of master.cf, without what master_service_disable turns off."""
    places: Mapping[str, WrittenPlace] = {}
    """Where main.cf sets what `written` holds."""
    warnings: tuple[str, ...] = ()
    """What postconf itself warned of, in its words: each once."""

    @property
    def version(self) -> tuple[int, ...]:
        """Of a snapshot, `3.11-20250101`, the release that it leads to."""
        return numbers(self.version_text.partition("-")[0])

    @property
    def queue_directory(self) -> str:
        """Where a chrooted service has its root, and every other its working directory."""
        return self.value("queue_directory")

    @property
    def mail_owner(self) -> str:
        """The user that smtp(8) runs as."""
        return self.value("mail_owner")

    @property
    def outbound(self) -> tuple[MasterService, ...]:
        """The services that send mail."""
        return tuple(service for service in self.services if service.is_outbound)

    @property
    def label(self) -> str:
        """What a person calls it: nothing where it is the only one that most hosts have."""
        return "" if self.is_default else (self.name or self.config_directory)

    def value(self, name: str, service: MasterService | None = None) -> str:
        """Return what counts, for a service of master.cf too; empty if Postfix knows no such."""
        return (self.values if service is None else service.values).get(name, "")

    def knows(self, name: str) -> bool:
        """Whether this Postfix has such a parameter at all."""
        return name in self.values

    def service(self, name: str, kind: str = "unix") -> MasterService | None:
        """Return a service of master.cf; of two with one name the last, as master(8) does."""
        found = [one for one in self.services if (one.name, one.type) == (name, kind)]
        return found[-1] if found else None

    def place(self, name: str, service: MasterService | None = None) -> WrittenPlace | None:
        """Return where a parameter is set; None where it has its default."""
        if service is not None and name in service.overrides:
            return service.place
        return self.places.get(name)

    def set_line(self, values: Mapping[str, str], service: MasterService | None = None) -> str:
        """Return the line for a shell that sets parameters, in main.cf or for a service.

        For a service a value has no white space, which `postconf -P` does not take.
        """
        if service is None:
            return self._postconf("-e", (f"{name} = {value}" for name, value in values.items()))
        pairs = (f"{service.key}/{name}={_unspaced(value)}" for name, value in values.items())
        return self._postconf("-P", pairs)

    def unset_line(self, names: Iterable[str], service: MasterService | None = None) -> str:
        """Return the line for a shell after which parameters have their default, or main.cf's."""
        if service is None:
            return self._postconf("-X", names)
        return self._postconf("-PX", (f"{service.key}/{name}" for name in names))

    def _postconf(self, option: str, words: Iterable[str]) -> str:
        where = [] if self.is_default else ["-c", self.config_directory]
        return " ".join(map(shell_word, ["postconf", *where, option, *words]))


class UnreadInstance(Struct, frozen=True, kw_only=True):
    """An instance that could not be read."""

    config_directory: str
    """Empty where there is no Postfix at all."""
    code: str
    """Why: the code of the finding that says it, such as `postfix-not-found`."""
    reason: str


class PostfixReading(Struct, frozen=True, kw_only=True):
    """All that was read of this host's Postfix."""

    instances: tuple[PostfixInstance, ...] = ()
    """The default one first."""
    unread: tuple[UnreadInstance, ...] = ()
    disabled: tuple[str, ...] = ()
    """The configuration directories of those that `postfix start` does not start."""


def _unspaced(value: str) -> str:
    return ",".join(list_items(value))


def numbers(text: str) -> tuple[int, ...]:
    """Return the numbers of a version or of a compatibility level."""
    return tuple(map(int, _NUMBER.findall(text)))


def chroot_by_default(compatibility_level: str) -> bool:
    """Tell what `-` means in the column chroot: since Postfix 3.0 no, unless main.cf is older."""
    return numbers(compatibility_level)[:1] < (1,)


def list_items(value: str) -> list[str]:
    """Return what a list of Postfix holds, such as tables; what stands in braces is not parted."""
    found, current, depth = [], "", 0
    for char in value:
        depth = max(0, depth + (char == "{") - (char == "}"))
        if depth == 0 and char in _SEPARATORS:
            found.append(current)
            current = ""
        else:
            current += char
    return [word for word in [*found, current] if word]


def security_level(value_of: Callable[[str], str], prefix: str) -> str:
    """Return the level that holds where no table answers, as smtp(8) or smtpd(8) decides it.

    `value_of` returns what counts for a parameter; `prefix` is what those begin with.
    """
    if level := value_of(f"{prefix}_tls_security_level").lower():
        return level
    if value_of(f"{prefix}_enforce_tls") == "yes":
        named = value_of(f"{prefix}_tls_enforce_peername") == "yes"
        return "verify" if named else "encrypt"
    return "may" if value_of(f"{prefix}_use_tls") == "yes" else "none"
