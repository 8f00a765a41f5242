"""Memory is bounded whatever a log names, and what is forgotten is in doubt."""

import pytest

from mtasts_resolver.evidence.deliveries import OutboundDelivery
from mtasts_resolver.evidence.joins import followed, withoutprocess
from mtasts_resolver.evidence.joins.causes import KnownFailures
from mtasts_resolver.evidence.joins.followed import FollowedProcesses, Logs
from mtasts_resolver.evidence.joins.joiner import Joiner
from mtasts_resolver.evidence.joins.logs import NOTHING_CONFIGURED
from mtasts_resolver.evidence.joins.outgoing import SmtpProcess
from mtasts_resolver.maillog.events import Cause, LoggedPeer, Unverified
from tests.unit.evidence.joins.scenes import joined, lines, outcomes, summary
from tests.unit.evidence.joins.test_inbound import BEGUN as RECEIVING
from tests.unit.evidence.joins.test_outbound import BEGUN, A, to


def test_the_longest_silent_processes_are_forgotten() -> None:
    processes = FollowedProcesses(SmtpProcess, Logs(NOTHING_CONFIGURED), limit=10)
    scene = "\n".join(f"{n} smtp[{n}]: connect to {A}: Connection refused" for n in range(1, 12))
    first, *others = lines(scene)
    begun = processes.of(first)
    for line in others:
        processes.of(line)
    assert len(processes.dropped) == 5
    assert processes.dropped[0] is begun
    assert processes.of(others[-1]) not in processes.dropped


def test_a_process_that_was_forgotten_is_in_doubt(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FollowedProcesses.__init__, "__defaults__", (4,))
    others = "\n".join(f"10{n} smtp[5{n}]: Trusted TLS to {A}: WITH" for n in range(4))
    scene = f"""{BEGUN}
        100 smtp[1]: Trusted TLS to {A}: WITH
        {others}
        105 smtp[1]: {to("AAAAA1", A, delay=50)}
        300 smtp[1]: {to("AAAAA2", A)}"""
    assert outcomes(scene) == [
        "AAAAA0 encrypted trusted",
        "AAAAA1 ? lines-lost",
        "AAAAA2 plain",
    ]


def test_a_log_that_names_a_host_at_random_begins_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(followed, "MAX_HOSTS", 5)
    scene = f"""{BEGUN}
        100 smtp[1]: Trusted TLS to {A}: WITH
        101 smtp[2]: {to("AAAAA1", A)}
        {"".join(f"102 host{n} smtp[1]: {to(f'AAAAB{n}', A)}" + chr(10) for n in range(6))}
        103 smtp[1]: {to("AAAAA2", A, delay=50)}"""
    told = outcomes(scene)
    assert len(told) == len(set(told)) == 9
    assert "AAAAA1 plain" in told
    assert "AAAAA2 ? lines-lost" in told


def test_services_at_random_begin_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(followed, "MAX_SERVICES", 5)
    scene = "".join(f"102 x{n}/smtp[1]: {to(f'AAAAB{n}', A)}\n" for n in range(20))
    assert len(outcomes(scene)) == 20


def test_deliveries_that_wait_for_the_order_to_tell_are_bounded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(withoutprocess, "MAX_WAITING", 2)
    monkeypatch.setattr(withoutprocess, "MAX_SHARED", 4)
    monkeypatch.setattr(withoutprocess, "MAX_PEERS", 2)
    scene = BEGUN + "".join(
        f"{100 + n} smtp[]: Trusted TLS to mx{n % 3}.example[192.0.2.{n % 3}]:25: WITH\n"
        f"{100 + n} smtp[]: {to(f'AAAAB{n}', f'mx{n % 3}.example[192.0.2.{n % 3}]:25')}\n"
        for n in range(20)
    )
    told = outcomes(scene)
    assert len(told) == 21
    assert not [each for each in told if "plain" in each]


def test_clients_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(withoutprocess, "MAX_PEERS", 4)
    scene = RECEIVING + "".join(
        f"{1000 + n} smtpd[]: connect from c[192.0.2.{n}]\n"
        f"smtpd[]: AAAAB{n:02}: client=c[192.0.2.{n}]\n"
        for n in range(20)
    )
    told = outcomes(scene)
    assert len(told) == 21
    assert not [each for each in told[1:] if "encrypted" in each]


def test_failures_are_remembered_for_the_last_hosts_alone() -> None:
    failures = KnownFailures(limit=3)
    for n in range(10):
        peer = LoggedPeer("mx.example", f"192.0.2.{n}", 25)
        failures.unverified(Unverified(peer, Cause.EXPIRED, "certificate has expired"))
    assert len(failures._certificates) == 3


def test_nothing_of_it_is_told_twice() -> None:
    joiner = Joiner()
    (fact,) = (
        each
        for each in joined(f"100 smtp[1]: {to('AAAAA1', A)}", joiner)
        if isinstance(each, OutboundDelivery)
    )
    assert summary(fact) == "AAAAA1 ? log-begins"
    assert list(joiner.finish()) == []
