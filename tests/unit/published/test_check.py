"""A domain is looked at, and what is seen of it judged."""

from pathlib import Path

import trustme

from mtasts_resolver.published.check import DomainCheck, check_domain
from mtasts_resolver.published.judge import SeenBefore
from tests.unit.discovery.mailhost import EHLO, NO_STARTTLS, mail_host
from tests.unit.discovery.policyhost import DOCUMENT, DOMAIN, HOST, policy_host, response, tls
from tests.unit.published.world import MX, observing, trusting


async def check_it(
    ca: trustme.CA, ca_file: Path, ehlo: bytes = EHLO, *, smtp: bool = True, before: str = ""
) -> DomainCheck:
    """Check the domain, whose document was `before` under the same id."""
    async with (
        policy_host(response(), tls(ca.issue_cert(HOST))) as web,
        mail_host(tls(ca.issue_cert(MX)), ehlo=ehlo) as mail,
        observing(https=trusting(ca_file), https_port=web.port, smtp_port=mail.port) as observer,
    ):
        seen_before = SeenBefore(id="1", document=before)
        return await check_domain(observer, DOMAIN, smtp=smtp, before=seen_before)


async def test_a_good_domain_has_no_findings(ca: trustme.CA, ca_file: Path) -> None:
    check = await check_it(ca, ca_file)
    assert check.observed.domain == DOMAIN
    assert check.findings == ()


async def test_what_is_wrong_is_found(ca: trustme.CA, ca_file: Path) -> None:
    (finding, *others) = (await check_it(ca, ca_file, NO_STARTTLS)).findings
    assert (finding.code, finding.about) == ("mx-host-without-starttls", MX)
    assert {other.code for other in others} <= {"report-address-affected"}


async def test_without_smtp_no_mx_host_is_judged(ca: trustme.CA, ca_file: Path) -> None:
    assert (await check_it(ca, ca_file, NO_STARTTLS, smtp=False)).findings == ()


async def test_what_was_before_is_compared(ca: trustme.CA, ca_file: Path) -> None:
    before = DOCUMENT.decode().replace("enforce", "testing")
    (finding,) = (await check_it(ca, ca_file, before=before)).findings
    assert finding.code == "policy-id-unchanged"
