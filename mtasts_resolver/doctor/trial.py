"""One policy fetched as the daemon would fetch it, to see that HTTPS to the outside works."""

from collections.abc import Iterator

from msgspec import Struct

from mtasts_resolver.config import Config, ConfigError
from mtasts_resolver.discovery.errors import (
    DiscoveryError,
    NoRecordError,
    ShortageError,
)
from mtasts_resolver.doctor.well import unseen, well
from mtasts_resolver.findings import Finding, FindingKind, Severity
from mtasts_resolver.worker.direct import DirectDiscoverer

TRIAL_FAILED = FindingKind(
    code="trial-fetch-failed",
    severity=Severity.ERROR,
    title="the policy of the domain that --try names could not be fetched",
    matters="If it is so for all domains, mail to those whose policy is not known yet goes out"
    " unverified.",
    action="Try another domain; where all fail, let this host connect to port 443 outside, or set"
    " https.proxy.",
)

KINDS = (TRIAL_FAILED,)


class SeenTrial(Struct, frozen=True, kw_only=True):
    """What came of it."""

    domain: str
    found: str = ""
    failure: str = ""
    unseen: str = ""
    """Why nothing was tried."""


async def try_domain(domain: str, config: Config) -> SeenTrial:
    """Fetch the policy of a domain afresh, from this process."""
    try:
        found = await DirectDiscoverer.configured(config).sts(domain, ())
    except NoRecordError as error:
        return SeenTrial(domain=domain, unseen=f"{error}; name a domain that has a policy")
    except DiscoveryError as error:
        return SeenTrial(domain=domain, failure=str(error))
    except (ConfigError, ShortageError) as error:
        return SeenTrial(domain=domain, unseen=str(error))
    mode = "" if found.policy is None else f", mode {found.policy.mode}"
    return SeenTrial(domain=domain, found=f"its policy was fetched{mode}")


def judge_trial(seen: SeenTrial) -> Iterator[Finding]:
    """Yield what is to be said of it."""
    about = f"HTTPS, {seen.domain}"
    if seen.unseen:
        yield unseen(about, seen.unseen)
    elif seen.failure:
        yield TRIAL_FAILED.found(about, seen.failure)
    else:
        yield well(about, seen.found)
