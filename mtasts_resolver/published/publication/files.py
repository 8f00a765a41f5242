"""The files in which a step is handed to whoever runs web server and zone; and read back."""

from collections.abc import Iterator, Mapping

from mtasts_resolver.policy import DocumentError, RecordError, parse_document, select_record
from mtasts_resolver.published.publication.policyfile import WELL_KNOWN
from mtasts_resolver.published.publication.steps import PublishingStep
from mtasts_resolver.published.publication.tlsrpt import read_report_uris
from mtasts_resolver.published.publication.wanted import Publication
from mtasts_resolver.published.publication.way import Way
from mtasts_resolver.published.publication.webservers import (
    FRAGMENT_FILES,
    WEB_SERVERS,
    PolicySite,
)
from mtasts_resolver.published.publication.zonefile import read_texts

ZONE_FILE = "zone.txt"
GUIDE_FILE = "README.md"

FILES = (WELL_KNOWN, ZONE_FILE, *FRAGMENT_FILES.values(), GUIDE_FILE)
"""What is written, in this order."""


def write_files(way: Way, step: PublishingStep | None, site: PolicySite) -> dict[str, str]:
    """Return the files of what is to be out there when `step` is done, by their path."""
    steps = {GUIDE_FILE: _guide(way, step, site)}
    if step is not None and step.removes:
        return steps
    publication = way.written_at(step)
    fragments = {FRAGMENT_FILES[kind]: write(site) for kind, write in WEB_SERVERS.items()}
    zone = "".join(f"{record.line}\n" for record in publication.records)
    return {
        WELL_KNOWN: publication.policy.document,
        ZONE_FILE: zone,
        **fragments,
        **steps,
    }


def read_files(domain: str, files: Mapping[str, str]) -> Publication | None:
    """Return the publication that files hold which were written before; None where they do not."""
    texts = read_texts(files.get(ZONE_FILE, ""))
    try:
        policy = parse_document(files.get(WELL_KNOWN, "").encode())
        record = select_record([texts.get(f"_mta-sts.{domain}", "").encode()])
    except (DocumentError, RecordError):
        return None
    reports = read_report_uris([texts.get(f"_smtp._tls.{domain}", "")])
    return Publication(domain=domain, policy=policy, policy_id=record.id, reports=reports)


def _guide(way: Way, written: PublishingStep | None, site: PolicySite) -> str:
    """Return the steps in Markdown, with what is to be copied in the one whose files these are.

    The others get their ids when it is their turn, and their files.
    """
    fragments = ", ".join(f"`{name}`" for name in FRAGMENT_FILES.values())
    head = (
        f"`{WELL_KNOWN}` belongs below `{site.root}` on the policy host, as it is: its lines end"
        f" with CR LF. The lines of `{ZONE_FILE}` belong into the zone, in place of what these"
        f" names have there, and one of {fragments} to the web server. When another step is"
        " next, `mtasts-resolver publish` writes its files."
    )
    blocks = [f"# MTA-STS for {site.domain}", head]
    for number, step in enumerate(way.steps, start=1):
        mark = " (these files)" if step is written else ""
        blocks.append(f"## {number}. {step.title}{mark}")
        blocks += step.first.splitlines()
        if step is written:
            blocks += _to_be_copied(step)
        blocks += step.then.splitlines()
    return "\n\n".join(blocks) + "\n"


def _to_be_copied(step: PublishingStep) -> Iterator[str]:
    for part in step.parts:
        if part.kind not in WEB_SERVERS:
            yield f"{part.title}:\n\n```\n{part.text}```"
    if step.verify:
        commands = "".join(f"{command}\n" for command in step.verify)
        yield f"To verify it:\n\n```sh\n{commands}```"
