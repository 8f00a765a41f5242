"""`mtasts-resolver report mail`: the newest report that is kept, with the head of the list.

The mail is one of the places where the head is kept out of reach of whoever may write the list.
"""

import os
import subprocess
import sys
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path

import click

from mtasts_resolver.base.quoting import printable, quote
from mtasts_resolver.cli import exit_codes
from mtasts_resolver.cli.durations import DURATION
from mtasts_resolver.cli.errors import CommandError
from mtasts_resolver.cli.reporting.verify import DEFAULT_SHELF
from mtasts_resolver.cli.terminal import show_notes
from mtasts_resolver.doctor.running import find_program
from mtasts_resolver.report.chain import ChainEntry, FaultKind
from mtasts_resolver.report.shelf import ReportShelf, VerifiedShelf

PATIENCE = 60.0  # seconds: to hand a mail to the queue takes a moment
MAX_FILE_BYTES = 16 * 1024 * 1024
"""Of a file that goes along: mail servers take no more (message_size_limit: 10 MB) anyway."""
_ATTACHED = {"report.html": ("text", "html"), "report.json": ("application", "json")}
_ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"}
_LONGEST_ADDRESS = 254  # RFC 5321 §4.5.3.1.3, less the brackets


def _parse_addresses(
    _context: click.Context, _parameter: click.Parameter, words: tuple[str, ...]
) -> tuple[str, ...]:
    for word in words:
        odd = word.startswith("-") or not word.isprintable() or set(word) & set(' ,;:<>()"\\')
        if odd or not word or len(word) > _LONGEST_ADDRESS:
            raise click.BadParameter(f"{quote(word)} is no address that mail can be sent to")
    return words


@click.command("mail")
@click.argument(
    "directory", required=False, type=click.Path(file_okay=False, path_type=Path), metavar="[DIR]"
)
@click.option(
    "--to",
    "recipients",
    metavar="ADDRESS",
    multiple=True,
    required=True,
    callback=_parse_addresses,
    help="To whom. May be given again.",
)
@click.option(
    "--made-within",
    type=DURATION,
    metavar="TIME",
    help="Only if it was made so recently, such as 12h: else nothing is mailed, and that is well.",
)
def report_mail(
    *, directory: Path | None, recipients: tuple[str, ...], made_within: float | None
) -> None:
    """Mail the newest report that is kept in DIR, with the head of its list, by sendmail(1).

    DIR is where `report --keep` has put it; unset: /var/lib/mtasts-resolver/reports. What is wrong
    with the list or the files, as `report verify` finds it, stands at the top of the mail.

    Exit codes: 0; 1 where no report is kept; 2 where sendmail does not take the mail.
    """
    place = directory or DEFAULT_SHELF
    shelf = ReportShelf(place)
    try:
        verified = shelf.verify()
        kept = verified.chain.kept
        newest = next((one for one in reversed(verified.chain.reports) if one.name in kept), None)
        if newest is None or not _is_recent(newest, made_within):
            show_notes(["There is no new report to mail."])
            if made_within is None:
                sys.exit(exit_codes.NEGATIVE)
            return
        message = _message(shelf, newest, verified)
    except OSError as error:
        raise CommandError(f"{error.filename or place}: {error.strerror}") from None
    message["To"] = ", ".join(recipients)
    _send(message, recipients)
    show_notes([f"mailed: {newest.name}, to {', '.join(recipients)}"])


def _is_recent(entry: ChainEntry, within: float | None) -> bool:
    if within is None:
        return True
    age = datetime.now(UTC) - datetime.fromisoformat(entry.made_at)
    return age.total_seconds() <= within


def _message(shelf: ReportShelf, entry: ChainEntry, verified: VerifiedShelf) -> EmailMessage:
    """Return the mail: the text, what proves it, and the other forms as attachments.

    Of a file that is not what the list says nothing is mailed: it may be a link to anything.
    """
    data = shelf.read_file(entry, "report.txt")
    text = "There is no report.txt as it was written.\n" if data is None else data.decode()
    broken = [fault for fault in verified.faults if fault.kind is FaultKind.BROKEN]
    warning = [f"ATTENTION: {fault.about}: {fault.what}" for fault in broken]
    chain = verified.chain
    proof = [
        f"This is entry {entry.number} of the list of reports, whose head is now",
        f"entry {len(chain.sums)}, {chain.head}",
        "Keep this mail: with that sum `mtasts-resolver report verify --head SUM` shows whether",
        "any report until now was removed or changed.",
    ]
    message = EmailMessage()
    message["Subject"] = f"{'BROKEN LIST: ' if broken else ''}Mail protection, {entry.name}"
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834 §5
    message.set_content("\n".join([*warning, *[""] * bool(warning), text, *proof, ""]))
    for file in entry.files:
        attached = None
        if file.name in _ATTACHED and file.bytes <= MAX_FILE_BYTES:
            attached = shelf.read_file(entry, file.name)
        if attached is not None:
            maintype, subtype = _ATTACHED[file.name]
            message.add_attachment(
                attached,
                maintype=maintype,
                subtype=subtype,
                filename=f"{entry.name}{Path(file.name).suffix}",
            )
    return message


def _send(message: EmailMessage, recipients: tuple[str, ...]) -> None:
    program, unsafe = find_program("sendmail", os.environ.get("PATH", ""), os.geteuid())
    if program is None:
        why = f"others may write {unsafe[0]}" if unsafe else "Postfix has it as /usr/sbin/sendmail"
        raise CommandError(f"there is no sendmail that may be run: {why}")
    # The name by which a program that is many knows what it is to be.
    argv = ["sendmail", "-i", "--", *recipients]
    try:
        done = subprocess.run(  # noqa: S603  find_program has found it
            argv,
            executable=program,
            input=bytes(message),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
            cwd="/",
            env=_ENVIRONMENT,
            timeout=PATIENCE,
        )
    except subprocess.TimeoutExpired:
        raise CommandError(f"{program} did not end within {PATIENCE:.0f} s") from None
    except OSError as error:
        raise CommandError(f"{program} cannot be run: {error.strerror}") from None
    if done.returncode:
        said = printable(" ".join(done.stdout.decode("utf-8", "replace").split()))
        raise CommandError(f"{program} ended with status {done.returncode}: {said}")
