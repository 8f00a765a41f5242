"""Whose word on DNSSEC counts: name servers that are trusted, and that validate (RFC 7672 §2.1)."""

import asyncio
from collections.abc import Callable
from ipaddress import ip_address
from typing import Literal

from dns.rdatatype import RdataType

from mtasts_resolver import logs
from mtasts_resolver.clock import Clock
from mtasts_resolver.discovery.dns import DnsClient
from mtasts_resolver.discovery.errors import DnsConfigError, DnsError
from mtasts_resolver.endpoints import NameServer

log = logs.get(__name__)

PROBE_NAME = "."  # the root's SOA: signed, and known to every resolver that can reach anything
# A resolver that begins or ceases to validate was configured anew; a question a minute is nothing.
PROBE_INTERVAL = 60.0
RETRY_INTERVAL = 5.0  # seconds, until the first answer: at boot the resolver may be late

# The stub of systemd-resolved. As distributions set it up it does not validate, but some versions
# hand on the AD bit of whoever they asked (systemd issue 34121): anybody on that path could set it.
FORWARDERS = frozenset({"127.0.0.53", "127.0.0.54"})
NONE_LOCAL = "no name server is on this host, or it is systemd-resolved, which may not validate"

Mode = Literal["auto", "trust", "off"]


class Validation:
    """Knows whether there is a resolver that validates and is to be believed.

    AD is a bit that anybody on the path can set. In mode `auto` it counts only from a name server
    reached over loopback, systemd-resolved excepted; `trust` takes any, to which the administrator
    vouches for the path; `off` none.
    """

    def __init__(self, dns: DnsClient, mode: Mode, clock: Clock) -> None:
        self._mode = mode
        self._clock = clock
        self.dns = dns.only(_is_local, NONE_LOCAL) if mode == "auto" else dns
        """Asks only the servers whose word counts."""
        self._validates: bool | None = False if mode == "off" else None
        self.state = "dns.dnssec is off" if mode == "off" else "not probed yet"
        """Why `validates` is what it is, in words for an administrator."""
        self.on_change: Callable[[], None] = lambda: None
        """Called when `validates` has changed."""
        self._probed = asyncio.Event()
        if mode == "off":
            self._probed.set()

    @property
    def validates(self) -> bool | None:
        """Tell whether DANE can be looked up; None where the first probe has had no answer yet."""
        return self._validates

    async def run(self) -> None:
        """Probe again and again; ends by cancellation."""
        while self._mode != "off":
            await self.probe()
            self._probed.set()
            known = self._validates is not None
            await self._clock.sleep(PROBE_INTERVAL if known else RETRY_INTERVAL)

    async def first_probe(self) -> bool | None:
        """Return `validates` when there was a probe at least."""
        await self._probed.wait()
        return self._validates

    async def probe(self) -> None:
        """Look whether the servers validate, and say so where that has changed.

        A server that does not answer leaves things as they are: it says nothing of DNSSEC.
        """
        if self._mode == "off":
            return
        validates, reason = self._validates, ""
        try:
            answer = await self.dns.query(PROBE_NAME, RdataType.SOA)
        except DnsConfigError as error:
            validates, reason = False, str(error)
        except DnsError as error:
            log.debug("dnssec-probe-failed", reason=str(error))
            if validates is None:
                self.state = str(error)
        else:
            validates = answer.authenticated
            if not validates:
                servers = ", ".join(map(str, answer.servers))
                reason = f"the answer of {servers} for the root SOA is not authenticated"
        if validates is self._validates:
            return
        self._validates = validates
        self.on_change()
        if validates:
            self.state = f"{', '.join(map(str, self.dns.servers))} validates, and is trusted"
            log.info("dnssec-validated", servers=self.dns.servers)
        else:
            self.state = reason
            log.warning(
                "dnssec-unavailable",
                reason=reason,
                effect="DANE is not looked up, and does not take part in answers",
                action="run a validating resolver on this host, or set dns.dnssec: trust or off",
            )


def _is_local(server: NameServer) -> bool:
    """Tell whether nobody but this host is on the path to `server`, and to its word."""
    return ip_address(server.host).is_loopback and server.host not in FORWARDERS
