"""`python -m tests.lab.recording [DIRECTORY]`: logs of real Postfix, and what was done meanwhile.

They are of this machine's Postfix, of Debian 13's, and of that in Debian's sid, in a root that is
made for it; each takes a quarter of a minute, and the root as long. Without a DIRECTORY they are
kept where the tests have them.

Each is of one Postfix that sends and receives. What is expected of a message stands in deeds.py and
callers.py; here it is done, and compared with what the far ends say that they got.
"""

import itertools
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
from msgspec.structs import replace

import releasing.root
from mtasts_resolver.maillog.events import Cause
from tests.recordings.truth import (
    DIRECTORY,
    Attempt,
    Incoming,
    Outgoing,
    Session,
    Truth,
    write_recording,
)

from . import debian13
from .callers import CALLS, HERE, Call, Said
from .correspondent import (
    FILTER_PORT,
    LMTP_PORT,
    NOBODY,
    OLD,
    OWN_DOMAIN,
    POLICY,
    RECEIVING,
    REMOTE,
    ROUTES,
    SCREENED,
    TRANSPORTS,
    Correspondent,
    RemotePostfix,
)
from .deeds import (
    CURRENT,
    HELD,
    LATEST,
    MODERN,
    OF_NO_CONCERN,
    REUSED,
    SENT,
    STS,
    Deed,
    failed,
    held,
    sent,
)
from .events import Mail
from .internet import GOOD, NO_STARTTLS, SELF_SIGNED, UNTRUSTED, WRONG_NAME
from .lab import Lab, running_lab
from .namespace import Namespace, environment, missing
from .sasl import everybody_is_believed
from .stream import LabError, until

SENDER = "someone@sender.example"
OUTDATED_HOST = "outdated-only.mx.example"
POST_QUANTUM = (3, 11)
"""From this version on two of Postfix agree on keys by ML-KEM, with the OpenSSL beside them."""
TLSA_TO_COME = "_25._tcp.tlsa-fails.mx.example"


class Recorder:
    """Does what there is to do, one thing after the other, and keeps account of it."""

    def __init__(
        self, lab: Lab, postfix: Correspondent, numbers: Iterator[int] | None = None
    ) -> None:
        """Begin; `numbers` are those of messages, if others were sent before."""
        self._lab = lab
        self._postfix = postfix
        self.numbers = numbers or itertools.count(1)
        self._outgoing: dict[str, Outgoing] = {}
        self._recipients: dict[str, str] = {}
        """Of messages to one recipient, by queue id."""
        self._incoming: list[Incoming] = []
        self._local = 0
        self._local_incoming = 0
        self._failed_handshakes = 0

    def truth(self) -> Truth:
        return Truth(
            postfix=".".join(map(str, self._postfix.version[:2])),
            outgoing=tuple(self._outgoing.values()),
            incoming=tuple(self._incoming),
            local=self._local,
            local_incoming=self._local_incoming,
            failed_handshakes=self._failed_handshakes,
        )

    def send(self, *deeds: Deed) -> str:
        """Send one message to the recipients of `deeds`, and return its queue id."""
        mark, seen = self._postfix.log.mark(), self._lab.hosts.events.mark()
        recipients = {self._address(deed): deed for deed in deeds}
        queue_id = self._postfix.submit(SENDER, *recipients, header=deeds[0].header)
        self._recipients[queue_id] = next(iter(recipients))
        self._postfix.await_statuses(mark, recipients)
        attempts = {who: self._expected(deed) for who, deed in recipients.items()}
        for who, attempt in self._compared(seen, attempts).items():
            deed = recipients[who]
            end = {"sent": "delivered", "bounced": "bounced"}.get(attempt.status, "waiting")
            self._outgoing[who] = Outgoing(
                recipient=who,
                domain=deed.domain,
                attempts=(attempt,),
                end=end,
                enforced=deed.enforced,
                next_hop=next_hop(deed.domain),
                asked=asks(deed.domain),
            )
        return queue_id

    def send_all(self, deeds: Iterable[Deed]) -> None:
        for deed in deeds:
            self.send(deed)

    def send_here(self, recipient: str) -> None:
        """Send a message that does not leave this host."""
        mark = self._postfix.log.mark()
        self._postfix.submit(SENDER, recipient)
        self._postfix.await_statuses(mark, [recipient], "sent")
        self._local += 1

    def try_again(self, queue_id: str, attempt: Attempt, end: str) -> None:
        """Have a message to one recipient tried again: it ends so."""
        who = self._recipients[queue_id]
        outgoing = self._outgoing[who]
        mark, seen = self._postfix.log.mark(), self._lab.hosts.events.mark()
        self._postfix.try_again(queue_id)
        self._postfix.await_statuses(mark, [who])
        (attempt,) = self._compared(seen, {who: attempt}).values()
        attempts = (*outgoing.attempts, attempt)
        self._outgoing[who] = replace(outgoing, attempts=attempts, end=end)

    def delete(self, queue_id: str) -> None:
        """Delete a message to one recipient by hand."""
        who = self._recipients[queue_id]
        self._postfix.delete(queue_id)
        self._outgoing[who] = replace(self._outgoing[who], end="deleted")

    def give_up(self, queue_id: str, attempt: Attempt) -> None:
        """Have a message to one recipient be tried once more, and expire."""
        with self._postfix.impatient():
            mark = self._postfix.log.mark()
            self.try_again(queue_id, attempt, "expired")
            expired = f"{queue_id}: removed"
            self._postfix.log.wait(mark, lambda line: expired in line or None, expired)

    def receive(self, calls: Sequence[Call]) -> None:
        """Have others call, and wait until all that they brought is delivered."""
        mark = self._postfix.log.mark()
        said = self._make(calls)
        for call, saw in zip(calls, said, strict=True):
            if saw.taken != call.taken:
                raise LabError(f"of {call}, {saw.taken} mails were taken")
            self._failed_handshakes += call.handshake_fails
            if call.source == HERE:
                self._local_incoming += saw.taken
            else:
                session = Session(call.level, saw.version, saw.cipher)
                message = Incoming(client=call.source, session=session, submission=call.user)
                self._incoming += [message] * saw.taken
        brought = [
            f"{name}@{OWN_DOMAIN}"
            for call in calls
            for mail in (call.mails if call.taken else ())
            for name in mail
            if name != NOBODY
        ]
        self._postfix.await_statuses(mark, brought, "sent")
        self._local += len(brought)

    def _make(self, calls: Sequence[Call]) -> list[Said]:
        argv = (sys.executable, "-m", "tests.lab.callers", self._lab.ca_file.parent)
        wrote = self._lab.namespace.run(*argv, given=msgspec.json.encode(calls))
        return msgspec.json.decode(wrote, type=list[Said])

    def _address(self, deed: Deed) -> str:
        return f"{deed.user or f'mail-{next(self.numbers)}'}@{deed.spelling or deed.domain}"

    def _expected(self, deed: Deed) -> Attempt:
        if deed.older is not None and not self._postfix.modern:
            return deed.older
        session = deed.attempt.session
        if deed.attempt.host != REMOTE or session is None or session.version != CURRENT[0]:
            return deed.attempt
        quantum = self._postfix.version >= POST_QUANTUM
        return replace(deed.attempt, session=replace(session, post_quantum=quantum))

    def _compared(self, seen: int, attempts: dict[str, Attempt]) -> dict[str, Attempt]:
        """Return the attempts with what their hosts saw; LabError if they saw something else."""
        mails = {mail.recipient: mail for mail in self._lab.hosts.since(seen)[0]}
        compared = {
            who: _as_seen(who, attempt, mails.pop(who, None)) for who, attempt in attempts.items()
        }
        if mails:
            raise LabError(f"not expected: {mails}")
        return compared


def next_hop(domain: str) -> str:
    """Return the host that mail to a domain is sent by way of; empty: its own MX hosts."""
    _, _, hop = ROUTES.get(domain, "").partition(":")
    return hop.strip("[]")


def asks(domain: str) -> bool:
    """Tell whether Postfix asks the daemon for a policy."""
    transport, _, _ = ROUTES.get(domain, "smtp:").partition(":")
    return not any(option.startswith(POLICY) for option in TRANSPORTS.get(transport, ()))


def _as_seen(who: str, attempt: Attempt, mail: Mail | None) -> Attempt:
    """Return an attempt with what its host saw of it."""
    session = attempt.session
    if session is None or attempt.host == REMOTE:  # the far Postfix tells nothing
        expected = None
    else:
        expected = (attempt.host, session.encrypted)
    if (mail and (mail.host, mail.tls)) != expected:
        raise LabError(f"{who}: {attempt} is expected, but it is {mail}")
    if session is None or mail is None:
        return attempt
    session = replace(session, version=mail.version, cipher=mail.cipher)
    return replace(attempt, session=session)


def record(recorder: Recorder, lab: Lab, version: tuple[int, ...]) -> None:
    """Do all there is to do."""
    recorder.send_all(SENT)
    handshake = Attempt(status="deferred", host=OUTDATED_HOST, cause=Cause.HANDSHAKE.value)
    old_at = time.monotonic() + OLD + 1
    grow_old = (
        recorder.send(Deed("outdated-open.example", handshake)),
        recorder.send(Deed("wrong-name.example", held(Cause.NAME_MISMATCH, WRONG_NAME), STS)),
    )
    recorder.send_all(HELD)
    recorder.send_all(REUSED)
    recorder.send_all(OF_NO_CONCERN)
    if version >= (3, 10):
        recorder.send_all(MODERN)
    if version >= (3, 11):
        recorder.send_all(LATEST)
    recorder.send(*[Deed("lenient.example", sent(GOOD, "verified"), STS)] * 3)
    recorder.send(
        Deed("enforced.example", sent(GOOD, "verified"), STS),
        Deed("testing.example", sent(GOOD, "trusted")),
        Deed("plain-open.example", sent(NO_STARTTLS, "none")),
        Deed("untrusted.example", held(Cause.UNTRUSTED, UNTRUSTED), STS),
    )
    recorder.send(Deed("quiet-open.example", silently(sent(GOOD, "trusted"))))
    recorder.send_here("filtered@filtered.example")
    record_suspension(recorder)
    recorder.receive(CALLS)
    until(lambda: time.monotonic() >= old_at, "mail that is old")
    record_later_ends(recorder, lab, *grow_old)


def silently(attempt: Attempt) -> Attempt:
    assert attempt.session is not None
    session = replace(attempt.session, silent=True)
    return replace(attempt, session=session)


def record_suspension(recorder: Recorder) -> None:
    """Have a destination be dead after one failure, so that error(8) answers for it."""
    self_signed = held(Cause.SELF_SIGNED, SELF_SIGNED)
    again = replace(self_signed, host="", suspended=True)
    recorder.send(Deed("self-signed.example", self_signed, STS))
    recorder.send(Deed("self-signed.example", again, STS))
    refused = failed("deferred")
    recorder.send(Deed("down-open.example", refused))
    recorder.send(Deed("down-open.example", replace(refused, suspended=True)))


def record_later_ends(recorder: Recorder, lab: Lab, in_plain_text: str, returned: str) -> None:
    """Have mail that is held be delivered later, be deleted, and be returned.

    What has grown old after a handshake failed is sent in plain text, where that is allowed.
    """
    no_record = held(Cause.TLSA_LOOKUP)
    waits = recorder.send(Deed("tlsa-fails.example", no_record))
    lost = recorder.send(Deed("untrusted.example", held(Cause.UNTRUSTED, UNTRUSTED), STS))
    recorder.try_again(waits, no_record, "waiting")
    recorder.delete(lost)
    lab.dns.set_broken(TLSA_TO_COME, broken=False)
    try:
        ends = sent("tlsa-fails.mx.example", "verified")
        recorder.try_again(waits, ends, "delivered")
    finally:
        lab.dns.set_broken(TLSA_TO_COME, broken=True)
    ends = replace(sent(OUTDATED_HOST, "none"), left=((OUTDATED_HOST, Cause.HANDSHAKE.value),))
    recorder.try_again(in_plain_text, ends, "delivered")
    recorder.give_up(returned, held(Cause.NAME_MISMATCH, WRONG_NAME))


@contextmanager
def sink(namespace: Namespace, port: int, *options: str) -> Iterator[None]:
    """Have what takes mail on this host at a port."""
    argv = ("smtp-sink", *options, "-u", "nobody", f"{HERE}:{port}", "100")
    process = namespace.start(*argv)
    listening = ("ss", "--no-header", "--listening", "--tcp", "--numeric", "sport", "=", f"{port}")
    try:
        until(lambda: namespace.run(*listening) != "", f"smtp-sink at port {port}")
        yield
    finally:
        process.kill()
        process.wait()


@contextmanager
def correspondent(
    lab: Lab, directory: Path, *, modern: bool, root: Sequence[str]
) -> Iterator[tuple[Correspondent, Correspondent]]:
    """Have the Postfix whose log is recorded in the lab, and the one at its other end."""
    namespace = lab.namespace
    directory.mkdir()
    shutil.copy(lab.directory / "resolv.conf", directory)
    with ExitStack() as stack:
        for address in (RECEIVING, SCREENED, REMOTE):
            namespace.run("ip", "address", "add", f"{address}/32", "dev", "lo")
            stack.callback(namespace.run, "ip", "address", "del", f"{address}/32", "dev", "lo")
        for port, *options in ((LMTP_PORT, "-L"), (FILTER_PORT,)):
            stack.enter_context(sink(namespace, port, *options))
        far = RemotePostfix(namespace, directory / "far", lab.ca_file, modern=modern, root=root)
        stack.enter_context(far)
        postfix = stack.enter_context(
            Correspondent(namespace, directory / "near", lab.ca_file, modern=modern, root=root)
        )
        stack.enter_context(everybody_is_believed(postfix.queue / "private/auth"))
        yield postfix, far


def recorded(
    lab: Lab, directory: Path, *, modern: bool = False, root: Sequence[str] = ()
) -> tuple[list[str], Truth]:
    """Record a log, and return its lines and the truth."""
    with correspondent(lab, directory, modern=modern, root=root) as (postfix, _):
        recorder = Recorder(lab, postfix)
        record(recorder, lab, postfix.version)
        truth = recorder.truth()
    return postfix.log.since(0), truth


def sid_root(directory: Path) -> Path:
    """Make a root with the latest Postfix that Debian has."""
    root = directory / "root"
    # A mirror that is a copy of some day's has a Release file whose time is over.
    options = ("--variant=essential", '--aptopt=Acquire::Check-Valid-Until "false"')
    packages = "--include=postfix,libtlsrpt0"
    argv = [*releasing.root.IN_PRIVATE, "--", "mmdebstrap", *options, packages, "sid", str(root)]
    subprocess.run(argv, check=True, env=environment())
    return root


def roots(directory: Path) -> Iterator[Path | None]:
    """Yield where there is a Postfix; None: on this machine."""
    yield None
    if not debian13.is_host():
        root = directory / "13"
        releasing.root.unpack(debian13.tarball(sys.stderr.write), root)
        yield root
    yield sid_root(directory)


def main(directory: Path) -> None:
    if reason := missing() or releasing.root.missing():
        sys.exit(f"Nothing was recorded: {reason}.")
    with running_lab() as lab, TemporaryDirectory() as place:
        lab.daemon.start()
        for number, root in enumerate(roots(Path(place))):
            inside = debian13.enter(lab.namespace, root, lab.directory) if root else ()
            modern = number > 0 or lab.postfix.version >= (3, 10)
            write_recording(
                directory,
                *recorded(lab, lab.directory / f"recording-{number}", modern=modern, root=inside),
            )


if __name__ == "__main__":
    main(Path(sys.argv[1]) if sys.argv[1:] else DIRECTORY)
