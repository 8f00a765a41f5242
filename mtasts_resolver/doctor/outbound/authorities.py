"""Whom smtp(8) trusts to vouch for MX hosts: by default nobody, and mail under a policy waits."""

from collections.abc import Iterator

from mtasts_resolver.doctor.outbound.client import TABLES, Client
from mtasts_resolver.doctor.surroundings import Authorities
from mtasts_resolver.findings import Finding, FindingKind, Severity

FILE, DIRECTORY, ANCHORS = "tls_CAfile", "tls_CApath", "tls_trust_anchor_file"

NOBODY = FindingKind(
    code="no-authorities",
    severity=Severity.ERROR,
    title="Postfix trusts no certificate authority",
    matters="Mail to every domain that enforces a policy is deferred, with `Server certificate not"
    " verified`.",
    action="Name the public authorities.",
)
UNUSABLE = FindingKind(
    code="authorities-unusable",
    severity=Severity.ERROR,
    title="Postfix cannot use the certificate authorities that are named",
    matters="Mail to every domain that enforces a policy is deferred; where a file cannot be read,"
    " Postfix does no TLS at all.",
    action="Install the package ca-certificates, and name its file.",
)
OUTSIDE_JAIL = FindingKind(
    code="authorities-outside-chroot",
    severity=Severity.ERROR,
    title="a chrooted smtp(8) does not see the directory of certificate authorities",
    matters="smtp_tls_CApath is read at each connection, inside the chroot. Mail to every domain"
    " that enforces a policy is deferred.",
    action="Name a file, which is read before smtp(8) is chrooted.",
)
FEWER = FindingKind(
    code="authorities-fewer-than-ours",
    severity=Severity.WARNING,
    title="Postfix lacks certificate authorities that the daemon trusts",
    matters="Mail to a host whose certificate comes from one that is missing is deferred.",
    action="Name the same authorities.",
)
MORE = FindingKind(
    code="authorities-beyond-ours",
    severity=Severity.NOTE,
    title="Postfix trusts certificate authorities that the daemon does not",
    matters="Who holds one of them can pass for every host that a policy names.",
    action="Name the same authorities, unless those are your own.",
)
UNSEEN = FindingKind(
    code="authorities-not-seen",
    severity=Severity.NOTE,
    title="this user may not look at the certificate authorities that Postfix trusts",
    matters="They were not compared with the daemon's.",
    action="Run this as root.",
)
ANCHORED = FindingKind(
    code="trust-anchors-instead-of-authorities",
    severity=Severity.ERROR,
    title="trust anchors take the place of the certificate authorities",
    matters="Only certificates that lead to them are verified: mail to nearly every domain that"
    " enforces a policy is deferred.",
    action="Name them in a table of your own, as `tafile=` of the destinations that they are for.",
)

KINDS = (NOBODY, UNUSABLE, OUTSIDE_JAIL, FEWER, MORE, UNSEEN, ANCHORED)


def judge_authorities(client: Client) -> Iterator[Finding]:
    """Yield what is wrong with those whom smtp(8) trusts, where it asks us."""
    if client.options is None:
        return
    if client.judges(ANCHORS) and client.value(ANCHORS):
        name = client.name(ANCHORS)
        commands = client.unset(name)
        yield ANCHORED.found(client.about(name), client.said(name), commands=commands)
    if not client.judges(FILE, DIRECTORY, TABLES):
        return
    file, directory = client.value(FILE), client.value(DIRECTORY)
    name = client.name(FILE)
    commands = client.set(**{FILE: client.around.our_bundle})
    if not file and not directory:
        found = f"neither {name} nor {client.name(DIRECTORY)} is set"
        if client.plain("tls_append_default_CA") == "yes":
            found += ", and tls_append_default_CA only adds to them"
        yield NOBODY.found(client.about(name), found, commands=commands)
        return
    yield from _named(client, file, directory, commands)


def _named(
    client: Client, file: str, directory: str, commands: tuple[str, ...]
) -> Iterator[Finding]:
    known = client.around.authorities
    of_file = known.get(file, Authorities()) if file else Authorities()
    seen_at = jailed(client, directory)
    of_directory = known.get(seen_at, Authorities()) if directory else Authorities()
    for suffix, seen in ((FILE, of_file.seen), (DIRECTORY, of_directory.seen)):
        if not seen:
            yield UNSEEN.found(client.about(client.name(suffix)), client.said(client.name(suffix)))
            return
    if of_file.fault:
        name = client.name(FILE)
        found = f"{client.said(name)}: {of_file.fault}"
        yield UNUSABLE.found(client.about(name), found, commands=commands)
        return
    trusted = of_file.certificates | of_directory.certificates
    if client.plain("tls_append_default_CA") == "yes":
        trusted |= client.around.our_authorities.certificates
    if not trusted:
        yield _empty_directory(client, directory, seen_at, of_directory, commands)
        return
    yield from _compared(client, trusted, commands)


def jailed(client: Client, directory: str) -> str:
    """Return where smtp(8) finds a directory that it reads after it was chrooted."""
    jail = client.instance.queue_directory.rstrip("/")
    return f"{jail}/{directory.lstrip('/')}" if client.chroot else directory


def _empty_directory(
    client: Client, directory: str, seen_at: str, seen: Authorities, commands: tuple[str, ...]
) -> Finding:
    name = client.name(DIRECTORY)
    outside = client.around.authorities.get(directory, Authorities())
    if seen_at != directory and outside.certificates:
        found = f"{client.said(name)}, and in {seen_at} there is none: {seen.fault or 'empty'}"
        return OUTSIDE_JAIL.found(client.about(name), found, commands=commands)
    found = f"{client.said(name)}: {seen.fault or 'it holds no certificate by its hash'}"
    return UNUSABLE.found(client.about(name), found, commands=commands)


def _compared(
    client: Client, trusted: frozenset[bytes], commands: tuple[str, ...]
) -> Iterator[Finding]:
    ours = client.around.our_authorities.certificates
    if not ours:
        return
    about = client.about(client.name(FILE if client.value(FILE) else DIRECTORY))
    if missing := len(ours - trusted):
        found = f"{missing} of the daemon's {len(ours)} are missing among Postfix's {len(trusted)}"
        yield FEWER.found(about, found, commands=commands)
    if more := len(trusted - ours):
        yield MORE.found(about, f"{more} of Postfix's {len(trusted)} are not the daemon's")
