"""What can happen before a mail, in the words of the table of scenarios.

Each step is done to the lab, for the domain of the scenario.
"""

import time
from collections.abc import Callable

from .daemon import PROMISED_ON_DISK
from .lab import Lab
from .published import Dnssec, record
from .stream import until

Step = Callable[[Lab, str], None]


def is_cached(lab: Lab, domain: str) -> None:
    """Send a first mail, for which the daemon discovers the policy."""
    lab.postfix.send(domain)
    assert lab.daemon.ask(domain).startswith("OK secure ")


def new_id(lab: Lab, domain: str) -> None:
    lab.dns.publish(f"_mta-sts.{domain}", "TXT", f'"{record("20261202")}"')


def record_removed(lab: Lab, domain: str) -> None:
    lab.dns.publish(f"_mta-sts.{domain}", "TXT")


def new_document(document: bytes) -> Step:
    """Serve another document from the policy host."""
    return lambda lab, domain: lab.hosts.serve(domain, document)


def policy_host_down(lab: Lab, domain: str) -> None:
    lab.hosts.take_down(domain)


def dns_fails(lab: Lab, domain: str) -> None:
    """Let the policy's names SERVFAIL; Postfix still finds the MX hosts."""
    lab.dns.set_broken(f"_mta-sts.{domain}")
    lab.dns.set_broken(f"mta-sts.{domain}")


def turns_bogus(lab: Lab, domain: str) -> None:
    """Let every name of the domain SERVFAIL, for everybody."""
    lab.dns.set_dnssec(domain, Dnssec.BOGUS)


def resolver_stops(lab: Lab, _: str) -> None:
    """Let nothing listen any more where the daemon asks for names."""
    lab.own_resolver.stop()


def resolver_hangs(lab: Lab, _: str) -> None:
    """Let the daemon's queries go without an answer."""
    lab.own_resolver.pause()


def restart(lab: Lab, _: str) -> None:
    lab.daemon.restart()


def kill(lab: Lab, _: str) -> None:
    """End the daemon by SIGKILL when a policy that it answered from must be on disk."""
    time.sleep(PROMISED_ON_DISK)  # waits for nothing: that second is the daemon's promise
    lab.daemon.crash()


def id_check(lab: Lab, domain: str) -> None:
    """Make the daemon look at the record again, as it does after the first answer from memory."""
    lab.daemon.ask(domain)  # from the store, if memory is not filled from it yet
    lab.daemon.ask(domain)


def logged(words: str) -> Step:
    """Wait until the daemon has logged these words about the domain, besides its name."""

    def step(lab: Lab, domain: str) -> None:
        def about_it(line: str) -> str | None:
            return line if domain in line and words in line.replace(domain, "") else None

        lab.daemon.log.wait(0, about_it, f"{words!r} about {domain}")

    return step


def answer(reply: str) -> Step:
    """Wait until the daemon answers so."""

    def step(lab: Lab, domain: str) -> None:
        until(lambda: lab.daemon.ask(domain) == reply, f"the answer {reply!r} for {domain}")

    return step
