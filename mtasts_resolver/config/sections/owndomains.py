"""Domains of one's own, which the daemon checks: the items of `own_domains`, and `notify`."""

from typing import Annotated

from mtasts_resolver.config import kinds
from mtasts_resolver.config.keys import Key, Section
from mtasts_resolver.config.kinds import DAY, HOUR, SWITCH, duration

# One after the other is checked, which takes minutes where hosts do not answer: so many are through
# within the usual interval. Each is a label of metrics, too.
MAX_OWN_DOMAINS = 100
MAX_ARGUMENTS = 32  # more are a script that is yet to be written


class OwnDomainConfig(Section, frozen=True, kw_only=True):
    """A domain of one's own, and how it is checked."""

    domain: Annotated[str, Key("The domain.", kinds.DOMAIN)]
    interval: Annotated[
        float,
        Key(
            "How often it is checked, with jitter.",
            duration(
                HOUR, 7 * DAY, "more often burdens its hosts, less often sees too late what breaks"
            ),
        ),
    ] = 6 * HOUR
    smtp: Annotated[
        bool,
        Key(
            "Whether its MX hosts are asked for STARTTLS on port 25. `false` is for a host that may"
            " not connect to that port; then nothing is known of their certificates.",
            SWITCH,
        ),
    ] = True
