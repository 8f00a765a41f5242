"""Looking at all that a domain publishes, as the configuration says how others are asked."""

from collections.abc import Callable

from mtasts_resolver.config import Config, ConfigError, Fault
from mtasts_resolver.discovery.dns.client import DnsClient
from mtasts_resolver.discovery.dns.validators import trusted
from mtasts_resolver.discovery.mailhost.visit import SMTP_PORT
from mtasts_resolver.discovery.policyhost.fetch import HTTPS_PORT, PROXY_SHARE
from mtasts_resolver.discovery.policyhost.proxy import Proxy
from mtasts_resolver.discovery.services import Services
from mtasts_resolver.discovery.tls.authorities import TrustStore
from mtasts_resolver.policy import parse_next_hop
from mtasts_resolver.published.bounds import within_bounds
from mtasts_resolver.published.observation import Observation, ObservationMeans
from mtasts_resolver.published.observed import Observed
from mtasts_resolver.published.sharedvisits import SharedVisits

# Seconds for a whole domain. Two conversations with hosts that hold back their greeting, one after
# the other, are what may be waited for; a person waits no longer, and a daemon has other domains.
OBSERVATION_TIMEOUT = 120.0


def _silent(_words: str) -> None:
    pass


class Observer:
    """Looks at domains. `https_port` and `smtp_port` are others than the usual ones in tests."""

    def __init__(
        self,
        config: Config,
        *,
        https_port: int = HTTPS_PORT,
        smtp_port: int = SMTP_PORT,
        timeout: float = OBSERVATION_TIMEOUT,
        share_visits: bool = False,
    ) -> None:
        https = config.https
        dns = DnsClient(config.dns.servers, timeout=config.dns.timeout)
        proxy = https.proxy
        self._means = ObservationMeans(
            dns=dns,
            validating=trusted(dns, config.dns.dnssec),
            dnssec=config.dns.dnssec,
            services=Services(),
            policy_host_trust=TrustStore(https.ca_file),
            mail_host_trust=TrustStore(https.ca_file, alpn=()),
            proxy=None if proxy is None else Proxy(proxy, https.timeout * PROXY_SHARE),
            allow_networks=https.allow_networks,
            https_timeout=https.timeout,
            https_port=https_port,
            smtp_port=smtp_port,
            timeout=timeout,
            shared_visits=SharedVisits() if share_visits else None,
        )

    @classmethod
    def configured(cls, config: Config, *, share_visits: bool = False) -> "Observer":
        """Return the one that `config` describes. Raise ConfigError, or ShortageError.

        With `share_visits` an MX host that many domains have is visited once, for one look at all.
        """
        try:
            return cls(config, share_visits=share_visits)
        except ValueError as error:
            raise ConfigError([Fault(str(error), "$.https.ca_file")]) from None

    async def observe(
        self, domain: str, *, smtp: bool = True, tell: Callable[[str], None] = _silent
    ) -> Observed:
        """Return what is seen of `domain`; without `smtp` no MX host is talked to.

        `tell` is called with what is looked at, as it begins. Raise ShortageError where this host
        lacks something that it takes, and ValueError where `domain` is no mail domain in A-labels.
        """
        hop = parse_next_hop(domain)
        if hop is None or hop.domain != domain:
            raise ValueError(f"{domain!a} is no mail domain in A-labels")
        return within_bounds(await Observation(self._means, hop, smtp=smtp, tell=tell).run())
