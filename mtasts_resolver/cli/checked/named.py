"""Which domains are to be checked: as they were named on the command line, and in a file."""

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from mtasts_resolver.base.quoting import quote
from mtasts_resolver.cli.errors import CommandError
from mtasts_resolver.cli.files import opened_file
from mtasts_resolver.cli.mistakes import mistake_in_key
from mtasts_resolver.evidence.inputs.errors import InputError
from mtasts_resolver.evidence.inputs.splitting import decoded_lines
from mtasts_resolver.policy import parse_next_hop

# Each is asked for by a dozen questions and conversations: more are a survey, and no check.
MAX_DOMAINS = 10_000
MAX_FAULTS = 100  # lines that name no domain; with more it is another kind of file
_BYTE_ORDER_MARK = "\ufeff"  # some editors begin a file with it


class NamedDomains(NamedTuple):
    """The domains that were named, each once, and what there is to say of how."""

    domains: tuple[str, ...]
    notes: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()
    """Lines of a file that name no domain."""


class _Meant(NamedTuple):
    domain: str | None
    words: str = ""
    """What is odd; where there is no domain, why not."""


def named_domains(words: Iterable[str], file: Path | None) -> NamedDomains:
    """Return the domains that `words` and the lines of `file` name.

    Raise CommandError where a word names none, or the file cannot be read.
    """
    found: dict[str, None] = {}
    notes: list[str] = []
    faults: list[str] = []
    again = 0
    for word in words:
        meant = _meant_by(word)
        if meant.domain is None:
            raise CommandError(meant.words)
        notes += [meant.words] if meant.words else []
        again += meant.domain in found
        found[meant.domain] = None
    for place, word in _lines(file) if file is not None else ():
        meant = _meant_by(word)
        if meant.words:
            (notes if meant.domain else faults).append(f"{place}: {meant.words}")
        if meant.domain is not None:
            again += meant.domain in found
            found[meant.domain] = None
        if len(faults) > MAX_FAULTS:
            raise CommandError(f"{faults[-1]}; is {file} a list of domains, one in each line?")
        if len(found) > MAX_DOMAINS:
            raise CommandError(f"{file}: more than {MAX_DOMAINS:,} domains; check them in parts")
    if not found and not faults and file is not None:
        raise CommandError(f"{file}: there is no domain in it")
    if again:
        notes.append(f"{_times(again)} a domain is named that was named before: it is checked once")
    return NamedDomains(tuple(found), tuple(notes), tuple(faults))


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count:,} times"


def _lines(path: Path) -> Iterable[tuple[str, str]]:
    """Yield what each line has besides comments, and where it stands."""
    with opened_file(path) as file:
        try:
            for number, line in enumerate(decoded_lines(file), start=1):
                word = line.removeprefix(_BYTE_ORDER_MARK).partition("#")[0].strip()
                if word:
                    yield f"{'standard input' if str(path) == '-' else path}: line {number}", word
        except InputError as error:
            raise CommandError(f"{path}: {error}") from None


def _meant_by(word: str) -> _Meant:
    hop = parse_next_hop(word)
    if hop is not None and not hop.is_host and ":" not in word:
        return _Meant(hop.domain, _about(hop.domain, word))
    if hop is not None:
        what = "a smart host" if hop.is_host else "a domain with a port"
        return _Meant(None, f"{quote(word)} is {what}: name the domain, {quote(hop.domain)}")
    mistake = mistake_in_key(word)
    meant = parse_next_hop(mistake.meant) if mistake is not None and mistake.meant else None
    if "@" in word and ":" not in word and meant is not None and not meant.is_host:
        return _Meant(meant.domain, f"{quote(word)} is a mail address: {meant.domain} is checked")
    return _Meant(None, "" if mistake is None else mistake.about(word))


def _about(domain: str, word: str) -> str:
    """Say what is odd about a domain that can be checked all the same."""
    owner = domain.removeprefix("mta-sts.")
    if owner != domain and parse_next_hop(owner) is not None:
        return (
            f"{quote(word)} is the name of a policy host: to check its domain, name {quote(owner)}"
        )
    return ""
