"""Reading what this host's Postfix is set to, from its own tools: nothing is changed.

postconf(1) reads the files as the daemons do: continuation lines, `$name`, `{ name = value }`, the
defaults of its version. What it says is parsed here, and judged elsewhere.
"""

import os
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

from mtasts_resolver.base.quoting import escaped, printable
from mtasts_resolver.doctor.instance import (
    MasterService,
    PostfixInstance,
    PostfixReading,
    UnreadInstance,
    WrittenPlace,
    chroot_by_default,
    list_items,
)
from mtasts_resolver.doctor.running import RunError, find_program, run_program, text_lines

MAX_INSTANCES = 64  # postmulti(1) manages some dozens; each takes half a second to read
MAX_SERVICES = 500  # of one master.cf; those with overrides take a call of postconf each
MAX_WARNINGS = 50  # of postconf, for each instance
MAX_WARNING = 300  # characters of one: they hold what somebody wrote into a file
_MAX_FILE = 1 << 20  # bytes of a main.cf or master.cf that are searched for line numbers

_SETTING = re.compile(r"(?P<name>\S+) ?=(?: (?P<value>.*))?", re.DOTALL)
_OF_SERVICE = re.compile(r"(.*)/([^/]+)/([^/]+)", re.DOTALL)
_SAID = re.compile(r"postconf: (?P<level>warning|fatal|error|panic): (?P<words>.*)")
# Whose parameters depend on their `-o`, for what is judged here.
_JUDGED_PROGRAMS = ("smtp", "lmtp", "smtpd")
_DENIED = "Permission denied"


class _ReadError(Exception):
    """An instance cannot be read; its code is a finding's."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code = code


def read_postfix(
    config_directory: Path | None = None,
    *,
    environ: Mapping[str, str] = os.environ,
    uid: int | None = None,
) -> PostfixReading:
    """Read the instance of a configuration directory, or of this host all that are enabled."""
    uid = os.geteuid() if uid is None else uid
    program, unsafe = find_program("postconf", environ.get("PATH", ""), uid)
    if program is None:
        return PostfixReading(unread=(_not_found(unsafe),))
    postconf = _Postconf(program)
    try:
        default, version = _pair(postconf.said("-dh", "config_directory", "mail_version"))
    except _ReadError as error:
        return PostfixReading(unread=(_unread("", error),))
    if config_directory is not None:
        directory = config_directory.absolute()
        return _read_all(postconf, [str(directory)], os.path.realpath(default), version)
    reading = _read_all(postconf, [default], os.path.realpath(default), version)
    if not reading.instances:
        return reading
    others = list_items(reading.instances[0].value("multi_instance_directories"))[:MAX_INSTANCES]
    more = _read_all(postconf, others, os.path.realpath(default), version)
    return PostfixReading(
        instances=reading.instances + tuple(one for one in more.instances if one.enabled),
        unread=reading.unread + more.unread,
        disabled=tuple(one.config_directory for one in more.instances if not one.enabled),
    )


class _Postconf:
    """postconf(1), and what it has warned of."""

    def __init__(self, program: Path) -> None:
        self._program = program
        self.warnings: dict[str, None] = {}

    def said(self, *arguments: str) -> list[str]:
        """Return the lines that it prints; raise _ReadError where it does not as asked."""
        try:
            ran = run_program(self._program, *arguments)
        except RunError as error:
            raise _ReadError("postconf-failed", str(error)) from None
        fatal = ""
        for line in text_lines(ran.errors):
            said = _SAID.fullmatch(line)
            words = escaped((said["words"] if said else line)[:MAX_WARNING])
            if said and said["level"] != "warning":
                fatal = words
            elif len(self.warnings) < MAX_WARNINGS:
                self.warnings[words] = None
        if ran.status or fatal:
            code = "postfix-config-unreadable" if _DENIED in fatal else "postconf-failed"
            why = fatal or f"postconf ended with status {ran.status}"
            if "macro" in why and self.warnings:
                why += f" ({list(self.warnings)[-1]})"
            raise _ReadError(code, why)
        return text_lines(ran.output)


def _read_all(
    postconf: _Postconf, directories: list[str], default: str, version: str
) -> PostfixReading:
    instances, unread = [], []
    for directory in directories:
        postconf.warnings = {}
        is_default = os.path.realpath(directory) == default
        try:
            instances.append(_read_instance(postconf, directory, version, is_default=is_default))
        except _ReadError as error:
            unread.append(_unread(directory, error))
    return PostfixReading(instances=tuple(instances), unread=tuple(unread))


def _read_instance(
    postconf: _Postconf, directory: str, version: str, *, is_default: bool
) -> PostfixInstance:
    of = ("-c", directory)
    written = dict(_settings(postconf.said(*of, "-n")))
    values = dict(_settings(postconf.said(*of, "-x")))
    # `-n` says also how postconf itself was called.
    written.pop("config_directory", None)
    services = _read_services(postconf, directory, values)
    enabled = is_default or values.get("multi_instance_enable") == "yes"
    return PostfixInstance(
        config_directory=directory,
        name=values.get("multi_instance_name", ""),
        is_default=is_default,
        enabled=enabled,
        version_text=version,
        map_types=frozenset(postconf.said(*of, "-m")),
        written=written,
        values=values,
        services=tuple(services),
        places=dict(_places(f"{directory}/main.cf")),
        warnings=tuple(postconf.warnings),
    )


def _effective_for(
    postconf: _Postconf, of: tuple[str, ...], overrides: Mapping[str, str]
) -> dict[str, str]:
    """Return every parameter as it counts for a service."""
    options = [f"-o{name}={value}" for name, value in overrides.items()]
    # It warns of these as though they stood in main.cf; and `-P` has done so rightly.
    before = dict(postconf.warnings)
    values = postconf.said(*of, "-x", *options)
    postconf.warnings = before
    return dict(_settings(values))


def _read_services(
    postconf: _Postconf, directory: str, values: Mapping[str, str]
) -> Iterator[MasterService]:
    """Yield the services of master.cf that are not turned off, in its order."""
    of = ("-c", directory)
    of_services = postconf.said(*of, "-F")
    fields = _by_service(of_services)
    overrides = _by_service(postconf.said(*of, "-P"))
    for name, kind in _twice(of_services):
        postconf.warnings[f"{directory}/master.cf: two services {name}/{kind}: the last counts"] = (
            None
        )
    if len(fields) > MAX_SERVICES:
        raise _ReadError("postconf-failed", f"master.cf has more than {MAX_SERVICES} services")
    places = dict(_service_places(f"{directory}/master.cf"))
    by_default = chroot_by_default(values.get("compatibility_level", ""))
    off = set(list_items(values.get("master_service_disable", "")))
    for (name, kind), field in fields.items():
        if not off.isdisjoint((kind, f"{name}/{kind}")):
            continue
        program = field.get("command", "").partition(" ")[0]
        own = overrides.get((name, kind), {})
        judged = own and program in _JUDGED_PROGRAMS
        chroot = field.get("chroot", "-")
        yield MasterService(
            name=name,
            type=kind,
            chroot=by_default if chroot == "-" else chroot == "y",
            program=program,
            overrides=own,
            values=_effective_for(postconf, of, own) if judged else values,
            place=places.get((name, kind)),
        )


def _settings(lines: list[str]) -> Iterator[tuple[str, str]]:
    for line in lines:
        if found := _SETTING.fullmatch(line):
            yield found["name"], (found["value"] or "").strip()


def _by_service(lines: list[str]) -> dict[tuple[str, str], dict[str, str]]:
    """Return what `NAME/TYPE/WHAT = VALUE` says of each service; a name may hold a slash, too."""
    services: dict[tuple[str, str], dict[str, str]] = {}
    for line in lines:
        what, _, value = line.partition(" = ")
        if found := _OF_SERVICE.fullmatch(what.removesuffix(" =")):
            name, kind, last = found.groups()
            services.setdefault((name, kind), {})[last] = value.strip()
    return services


def _twice(lines: list[str]) -> list[tuple[str, str]]:
    """Return the services that stand in master.cf more than once."""
    seen = Counter(line.partition(" = ")[0] for line in lines)
    names = [_OF_SERVICE.fullmatch(what) for what, times in seen.items() if times > 1]
    return [(one[1], one[2]) for one in names if one and one[3] == "service"]


def _places(file: str) -> Iterator[tuple[str, WrittenPlace]]:
    """Yield where each parameter is set; where it is set twice, the last counts (postconf(5))."""
    for number, line in _logical_lines(file):
        name, equals, _ = line.partition("=")
        if equals:
            yield name.strip(), WrittenPlace(file, number)


def _service_places(file: str) -> Iterator[tuple[tuple[str, str], WrittenPlace]]:
    for number, line in _logical_lines(file):
        if len(words := line.split()) > 1:
            yield (words[0], words[1]), WrittenPlace(file, number)


def _logical_lines(file: str) -> Iterator[tuple[int, str]]:
    """Yield the number and text of each line that begins something; none if it is not readable."""
    try:
        with Path(file).open(encoding="utf-8", errors="replace") as opened:
            text = opened.read(_MAX_FILE)
    except OSError:
        return  # postconf has read it: this only helps to find what is told of
    for number, line in enumerate(text.split("\n"), 1):
        if line and not line[0].isspace() and not line.startswith("#"):
            yield number, line


def _pair(lines: list[str]) -> tuple[str, str]:
    match lines:
        case [first, second]:
            return first.strip(), second.strip()
    raise _ReadError("postconf-failed", "postconf -d does not say what it should")


def _not_found(unsafe: list[Path]) -> UnreadInstance:
    if not unsafe:
        reason = "there is no postconf in PATH, nor in /usr/sbin"
        return UnreadInstance(config_directory="", code="postfix-not-found", reason=reason)
    places = printable(", ".join(map(str, unsafe)))
    reason = f"others than root could replace {places}, so it is not run"
    return UnreadInstance(config_directory="", code="postconf-replaceable", reason=reason)


def _unread(directory: str, error: _ReadError) -> UnreadInstance:
    return UnreadInstance(config_directory=directory, code=error.code, reason=str(error))
