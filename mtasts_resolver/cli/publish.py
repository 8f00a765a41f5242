"""`mtasts-resolver publish`: what a domain has to publish, and in which order."""

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import click
import msgspec

from mtasts_resolver.base import logs
from mtasts_resolver.cli import exit_codes
from mtasts_resolver.cli.durations import DURATION
from mtasts_resolver.cli.errors import CommandError
from mtasts_resolver.cli.options import config_option, json_option, read_config
from mtasts_resolver.cli.publishing.directory import read_directory, write_directory
from mtasts_resolver.cli.publishing.guide import Paper, differing, guide, warnings, where
from mtasts_resolver.cli.publishing.look import policy_domain, see_domain
from mtasts_resolver.cli.terminal import color_option, use_color, width
from mtasts_resolver.findings import Severity
from mtasts_resolver.policy import Mode, is_policy_id, parse_next_hop
from mtasts_resolver.published.observed import Observed
from mtasts_resolver.published.publication import (
    FILES,
    WEB_SERVERS,
    PolicySite,
    PublicationDifference,
    PublicationError,
    PublishingStep,
    Way,
    Wishes,
    advice,
    find_differences,
    find_way,
    foreseen,
    pressing,
    read_files,
    report_uris,
    write_files,
)

_EVERY = "all"
_PUT_IN_FORCE = ("announce", "enforce", "lengthen", "change")
_CERTBOT = "/etc/letsencrypt/live"

F = TypeVar("F", bound=Callable[..., Any])


def _policy_id(_context: click.Context, _parameter: click.Parameter, text: str | None) -> str:
    if text is not None and not is_policy_id(text):
        raise click.BadParameter("an id has 1 to 32 letters and digits (RFC 8461 §3.1)")
    return text or ""


def _wish_options(command: F) -> F:
    """Give the command the options that say what is to be published."""
    for option in reversed(
        (
            click.option(
                "--mx",
                multiple=True,
                metavar="PATTERN",
                help="An MX host, or *.DOMAIN for all in it. May be given again. Unset: as"
                " DNS has them.",
            ),
            click.option(
                "--mode",
                type=click.Choice([mode.value for mode in Mode]),
                help="The mode; unset: the next on the way.",
            ),
            click.option("--max-age", type=DURATION, help="How long senders keep the policy."),
            click.option(
                "--reports",
                multiple=True,
                metavar="ADDRESS",
                help="Where reports go, a mail address or https: URL. May be given again."
                " Unset: where they go now, else tls-reports@DOMAIN.",
            ),
            click.option(
                "--id",
                "policy_id",
                metavar="ID",
                callback=_policy_id,
                help="The id of the policy; unset: as it is while the policy is the same, else the"
                " time.",
            ),
            click.option(
                "--new-id", is_flag=True, help="Give a policy that is out there another id."
            ),
            click.option("--retire", is_flag=True, help="Go the way back, to no policy."),
        )
    ):
        command = option(command)
    return command


def _site_options(command: F) -> F:
    """Give the command the options that say where the policy is served."""
    for option in reversed(
        (
            click.option(
                "--policy-host",
                metavar="NAME",
                help="A host that serves the policies of several domains: mta-sts.DOMAIN becomes"
                " an alias of it.",
            ),
            click.option(
                "--web-server",
                type=click.Choice([*WEB_SERVERS, _EVERY]),
                default=next(iter(WEB_SERVERS)),
                show_default=True,
                help="The web server that is shown what to do; files are written for all.",
            ),
            click.option(
                "--web-root",
                metavar="DIR",
                help="Where it serves from; unset: /srv/mta-sts/DOMAIN.",
            ),
            click.option(
                "--certificate",
                metavar="FILE",
                help="Its certificate and chain, for mta-sts.DOMAIN or *.DOMAIN; unset: where"
                " certbot puts them.",
            ),
            click.option("--key", metavar="FILE", help="The key of the certificate."),
        )
    ):
        command = option(command)
    return command


@click.command()
@click.argument("domain")
@_wish_options
@_site_options
@click.option("--step", "step_name", metavar="STEP", help="Show this step, not the next one.")
@click.option("--all", "every_step", is_flag=True, help="Show all steps.")
@click.option(
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Write the files of the step to DIR; with --verify, compare with those in it.",
)
@click.option("--force", is_flag=True, help="Replace files in DIR that differ.")
@click.option("--verify", is_flag=True, help="Compare what is out there with what it should be.")
@click.option("--no-smtp", is_flag=True, help="Leave the MX hosts alone: do not go to port 25.")
@config_option
@color_option
@json_option
def publish(
    *,
    domain: str,
    mx: tuple[str, ...],
    mode: str | None,
    max_age: float | None,
    reports: tuple[str, ...],
    policy_id: str,
    new_id: bool,
    retire: bool,
    policy_host: str | None,
    web_server: str,
    web_root: str | None,
    certificate: str | None,
    key: str | None,
    step_name: str | None,
    every_step: bool,
    output: Path | None,
    force: bool,
    verify: bool,
    no_smtp: bool,
    config_file: Path | None,
    color: str,
    as_json: bool,
) -> None:
    """Show what DOMAIN has to publish, and in which order: there, and back.

    It looks at what is out there, and shows the next step: policy file, records, web server, and
    how to verify it. Nothing is changed but the files in DIR. Exit codes: 0; with --verify 1 where
    something differs; 75 where the name servers failed.
    """
    _check_usage(
        force=force,
        output=output,
        verify=verify,
        other=retire or every_step or step_name is not None,
    )
    name = policy_domain(domain)
    logs.setup_logging("error", "text")  # what else would be logged is in the guide
    with _publication_errors():
        site = _site(name, web_root, certificate, key)
        wishes = Wishes(
            mx=tuple(map(_pattern, mx)),
            mode=Mode(mode) if mode else None,
            max_age=None if max_age is None else int(max_age),
            reports=report_uris(reports),
            policy_host=_host(policy_host),
            policy_id=policy_id,
            new_id=new_id,
            retire=retire,
        )
        observed = see_domain(read_config(config_file), name, wishes, smtp=not (no_smtp or verify))
        written = read_files(name, read_directory(output, FILES)) if output else None
        way = find_way(observed, wishes, site, datetime.now(UTC), written)
    paper = Paper(width(sys.stdout), use_color(color))
    if verify:
        if output and written is None:
            raise CommandError(f"{output} has no policy and records of {name} to compare with")
        wanted = written or way.present
        found = find_differences(observed, wanted, guessed=way.guessed and not written)
        sys.exit(_compared(name, found, paper, as_json=as_json))
    if output and way.guessed:
        raise CommandError(
            f"{way.standing.policy_fault}. Which policy there was cannot be seen: say which is"
            " meant, with --mode"
        )
    step = _find_step(way, step_name)
    files = write_files(way, step, site) if output else {}
    changed = write_directory(output, files, force=force) if output else {}
    result = _Result(observed, way, step, output, changed)
    if as_json:
        click.echo(msgspec.json.encode(result.as_fields()).decode())
        return
    steps = way.steps if every_step else tuple(filter(None, [step]))
    servers = tuple(WEB_SERVERS) if web_server == _EVERY else (web_server,)
    for line in result.lines(steps, servers, paper):
        click.echo(line, color=paper.color)


@contextmanager
def _publication_errors() -> Iterator[None]:
    """End with what cannot be published."""
    try:
        yield
    except PublicationError as error:
        raise CommandError(str(error)) from None


class _Result:
    """What has come of it, in the forms in which it is told."""

    def __init__(
        self,
        observed: Observed,
        way: Way,
        step: PublishingStep | None,
        output: Path | None,
        changed: Mapping[str, bool],
    ) -> None:
        self._observed = observed
        self._way = way
        self._step = step
        self._output = output
        self._changed = changed
        self._publication = way.written_at(step)
        self._findings = foreseen(observed, self._publication)
        self._notes = list(advice(observed, way, self._publication))

    def as_fields(self) -> dict[str, object]:
        """Return what a program is told."""
        return {
            "domain": self._observed.domain,
            "observed_at": self._observed.at,
            "standing": self._way.standing,
            "patterns": self._way.patterns,
            "steps": self._way.steps,
            "next": self._way.next_step.name if self._way.next_step else None,
            "publication": None if self._way.guessed else self._publication,
            "records": []
            if self._way.guessed
            else [record.line for record in self._publication.records],
            "findings": self._findings,
            "notes": self._notes,
            "files": None if self._output is None else self._changed,
        }

    def lines(
        self, steps: tuple[PublishingStep, ...], servers: tuple[str, ...], paper: Paper
    ) -> Iterator[str]:
        """Yield what a person is told: first what should be known before."""
        told = list(warnings(pressing(self._findings), self._notes, paper))
        held = any(finding.severity is Severity.ERROR for finding in self._findings)
        if held and self._step is not None and self._step.name in _PUT_IN_FORCE:
            told += paper.words(f"Put that right before the step {self._step.name}.", bold=True)
        yield from [*told, ""] if told else []
        if self._output is None:
            yield from guide(self._observed.domain, self._way, steps, servers, paper)
        else:
            yield from self._written(paper)

    def _written(self, paper: Paper) -> list[str]:
        """Return the lines that say what is in the directory now."""
        lines = list(where(self._observed.domain, self._way, paper))
        title = self._step.title if self._step else "What is out there"
        lines += ["", *paper.words(f"{title}: in {self._output}", bold=True)]
        for name, changed in self._changed.items():
            lines.append(f"  {name:<24}{'written' if changed else 'as it was'}")
        lines += paper.words(f"{self._output}/README.md has all steps.")
        return lines


def _check_usage(*, force: bool, output: Path | None, verify: bool, other: bool) -> None:
    if force and (output is None or verify):
        raise click.UsageError("--force goes with --output, which writes")
    if verify and other:
        raise click.UsageError(
            "--verify compares with a policy, and leads nowhere: leave out --step, --all, --retire"
        )


def _pattern(text: str) -> str:
    """Return an mx pattern in the form that DNS has."""
    star = "*." if text.startswith("*.") else ""
    hop = parse_next_hop(text.removeprefix("*."))
    return text if hop is None or hop.is_host or ":" in text else f"{star}{hop.domain}"


def _host(text: str | None) -> str:
    """Return the name of a host in the form that DNS has; empty where there is none."""
    if not text:
        return ""
    hop = parse_next_hop(text)
    if hop is None or hop.is_host or ":" in text:
        raise PublicationError(f"{text!a} is no name of a host")
    return hop.domain


def _site(
    domain: str, web_root: str | None, certificate: str | None, key: str | None
) -> PolicySite:
    if bool(certificate) is not bool(key):
        raise click.UsageError("--certificate and --key go together")
    usual = f"{_CERTBOT}/mta-sts.{domain}"
    return PolicySite(
        domain=domain,
        root=web_root or f"/srv/mta-sts/{domain}",
        certificate=certificate or f"{usual}/fullchain.pem",
        key=key or f"{usual}/privkey.pem",
    )


def _find_step(way: Way, name: str | None) -> PublishingStep | None:
    """Return the step of that name or number; without one the next."""
    if name is None:
        return way.next_step
    for number, step in enumerate(way.steps, start=1):
        if name in (step.name, str(number)):
            return step
    names = ", ".join(f"{number} {step.name}" for number, step in enumerate(way.steps, start=1))
    raise CommandError(f"there is no step {name!a} now; there are: {names or 'none'}")


def _compared(
    domain: str, found: list[PublicationDifference], paper: Paper, *, as_json: bool
) -> int:
    """Show what is not out there as it is wanted, and return the exit code."""
    if as_json:
        told = {"domain": domain, "same": not found, "differences": found}
        click.echo(msgspec.json.encode(told).decode())
    else:
        for line in differing(domain, found, paper):
            click.echo(line, color=paper.color)
    return exit_codes.NEGATIVE if found else 0
