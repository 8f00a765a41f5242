"""What is seen of a domain, by a real name server, policy host and MX hosts."""

import hashlib
import resource
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from mtasts_resolver.config import Config, ConfigError, HttpsConfig, parse_proxy_url
from mtasts_resolver.discovery.errors import ShortageError
from mtasts_resolver.published.hosts import MAX_ADDRESSES
from mtasts_resolver.published.judge import judge
from mtasts_resolver.published.observe import Observer
from mtasts_resolver.published.observed import Observed, SeenAddress, SeenFailure
from mtasts_resolver.published.seen import MAX_NAMES, MAX_TEXTS
from tests.unit.discovery.mailhost import NO_STARTTLS, mail_host
from tests.unit.discovery.policyhost import DOCUMENT, DOMAIN, HOST, policy_host, response, tls
from tests.unit.discovery.servers import stream_server, unused_port
from tests.unit.discovery.test_proxy import Proxy
from tests.unit.published.world import MX, RECORDS, observing, trusting


def with_records(*more: str, without: str = "") -> list[str]:
    return [each for each in RECORDS if not (without and without in each)] + list(more)


def code(failure: SeenFailure | None) -> str:
    assert failure is not None
    return failure.code


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def only(observed: Observed) -> SeenAddress:
    """Return the one address of the one MX host."""
    (host,) = observed.mx_hosts
    (address,) = host.addresses
    return address


async def test_a_good_domain_is_seen_whole(ca: trustme.CA, ca_file: Path) -> None:
    told: list[str] = []
    async with (
        policy_host(
            response(headers=["Content-Type: text/plain", "Cache-Control: max-age=60"]),
            tls(ca.issue_cert(HOST)),
        ) as web,
        mail_host(tls(ca.issue_cert(MX))) as mail,
        observing(https=trusting(ca_file), https_port=web.port, smtp_port=mail.port) as observer,
    ):
        observed = await observer.observe(DOMAIN, tell=told.append)
    assert list(observed.failures()) == []
    assert observed.record.texts == ("v=STSv1; id=1;",)
    assert observed.record.ttl == 300
    assert observed.reports.texts == ("v=TLSRPTv1; rua=mailto:tls@x.example",)
    (web_address,) = observed.policy_host.addresses
    assert web_address.status == 200
    assert dict(web_address.headers)["cache-control"] == "max-age=60"
    assert web_address.document == DOCUMENT.decode()
    assert web_address.tls is not None
    assert web_address.tls.failure is None
    assert observed.mx_hosts[0].preference == 10
    address = only(observed)
    assert (address.starttls, address.greeting) == (True, "mx.x.example ESMTP")
    assert address.tls is not None
    assert address.tls.failure is None
    assert address.tls.certificate is not None
    assert address.tls.certificate.dns_names == (MX,)
    assert address.tls.certificate.key.startswith(("EC ", "RSA "))
    assert (observed.smtp, observed.smtp_blocked) == (True, False)
    assert observed.dane == "off"
    assert any(MX in words for words in told)
    assert any(HOST in words for words in told)


async def test_without_smtp_no_mx_host_is_talked_to(ca_file: Path) -> None:
    async with (
        mail_host(None) as mail,
        observing(
            https=trusting(ca_file), smtp_port=mail.port, https_port=unused_port()
        ) as observer,
    ):
        observed = await observer.observe(DOMAIN, smtp=False)
        assert mail.connections == 0
    assert only(observed) == SeenAddress(address="127.0.0.1")
    assert (observed.smtp, observed.smtp_blocked) == (False, False)


# -- policy hosts --------------------------------------------------------------------------------


async def test_each_address_of_a_policy_host_is_visited(ca: trustme.CA, ca_file: Path) -> None:
    records = with_records(f"{HOST}. 300 IN AAAA ::1", f"{HOST}. 300 IN A 127.0.0.2")
    context = tls(ca.issue_cert(HOST))
    async with (
        policy_host(response(), context) as web,
        policy_host(response(status="404 Not Found"), context, host="127.0.0.2", port=web.port),
        observing(records, https=trusting(ca_file), https_port=web.port) as observer,
    ):
        observed = await observer.observe(DOMAIN, smtp=False)
    seen = {each.address: each for each in observed.policy_host.addresses}
    assert set(seen) == {"::1", "127.0.0.1", "127.0.0.2"}
    assert seen["127.0.0.1"].document == DOCUMENT.decode()
    assert (seen["127.0.0.2"].status, seen["127.0.0.2"].document) == (404, None)
    assert code(seen["::1"].failure) == "unreachable"


async def test_a_redirect_is_seen_and_not_followed(ca: trustme.CA, ca_file: Path) -> None:
    moved = response(b"", "301 Moved", ["Location: https://www.x.example/"])
    async with (
        policy_host(moved, tls(ca.issue_cert(HOST))) as web,
        observing(https=trusting(ca_file), https_port=web.port) as observer,
    ):
        observed = await observer.observe(DOMAIN, smtp=False)
    (seen,) = observed.policy_host.addresses
    assert (seen.status, seen.failure) == (301, None)
    assert dict(seen.headers)["location"] == "https://www.x.example/"


async def test_a_certificate_that_is_rejected_is_shown_and_nothing_is_fetched(
    ca: trustme.CA, ca_file: Path
) -> None:
    past = datetime.now(UTC) - timedelta(days=3)
    expired = ca.issue_cert(HOST, not_before=past - timedelta(days=9), not_after=past)
    async with (
        policy_host(response(), tls(expired)) as web,
        observing(https=trusting(ca_file), https_port=web.port) as observer,
    ):
        observed = await observer.observe(DOMAIN, smtp=False)
        assert web.requests == []
    (seen,) = observed.policy_host.addresses
    assert seen.status is None
    assert seen.tls is not None
    assert code(seen.tls.failure) == "certificate-expired"
    assert seen.tls.certificate is not None
    assert seen.tls.certificate.not_after < datetime.now(UTC)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (response(b"x" * 70_000), "policy-body"),
        (response(b"version: STSv1\nmode: \xff\n"), "policy-body"),
        (b"hello\r\n\r\n", "policy-host-unreachable"),
    ],
)
async def test_what_is_no_document_is_said_to_be_none(
    ca: trustme.CA, ca_file: Path, answer: bytes, expected: str
) -> None:
    async with (
        policy_host(answer, tls(ca.issue_cert(HOST))) as web,
        observing(https=trusting(ca_file), https_port=web.port) as observer,
    ):
        observed = await observer.observe(DOMAIN, smtp=False)
    (seen,) = observed.policy_host.addresses
    assert seen.document is None
    assert code(seen.failure) == expected


async def test_through_a_proxy_there_is_one_visit(ca: trustme.CA, ca_file: Path) -> None:
    records = with_records(f"{HOST}. 300 IN A 127.0.0.2")
    async with policy_host(response(), tls(ca.issue_cert(HOST))) as web:
        proxy = Proxy(web.port)
        async with stream_server(proxy.serve) as port:
            https = trusting(ca_file) | {"proxy": parse_proxy_url(f"http://127.0.0.1:{port}")}
            async with observing(records, https=https) as observer:
                observed = await observer.observe(DOMAIN, smtp=False)
    assert len(proxy.requests) == 1
    assert observed.policy_host.through_proxy
    (seen,) = observed.policy_host.addresses
    assert (seen.address, seen.status, seen.failure) == ("", 200, None)
    assert seen.tls is not None
    assert seen.tls.certificate is not None
    assert seen.tls.certificate.dns_names == (HOST,)


async def test_a_certificate_that_is_rejected_behind_a_proxy_is_told(ca_file: Path) -> None:
    async with policy_host(response(), tls(trustme.CA().issue_cert(HOST))) as web:
        proxy = Proxy(web.port)
        async with stream_server(proxy.serve) as port:
            https = trusting(ca_file) | {"proxy": parse_proxy_url(f"http://127.0.0.1:{port}")}
            async with observing(https=https) as observer:
                observed = await observer.observe(DOMAIN, smtp=False)
    (seen,) = observed.policy_host.addresses
    assert code(seen.failure) == "policy-host-certificate-invalid"


async def test_a_proxy_that_is_down_is_a_shortage_of_ours(ca_file: Path) -> None:
    proxy = parse_proxy_url(f"http://127.0.0.1:{unused_port()}")
    async with observing(https=trusting(ca_file) | {"proxy": proxy}) as observer:
        with pytest.raises(ShortageError, match="the proxy"):
            await observer.observe(DOMAIN, smtp=False)


# -- addresses -----------------------------------------------------------------------------------


@pytest.mark.row("P12")
async def test_nobody_has_us_connect_to_what_is_inside(ca_file: Path) -> None:
    async with (
        mail_host(None) as mail,
        observing(
            https=trusting(ca_file) | {"allow_networks": ()},
            smtp_port=mail.port,
            https_port=mail.port,
        ) as observer,
    ):
        observed = await observer.observe(DOMAIN)
        assert mail.connections == 0
    assert code(only(observed).failure) == "address-forbidden"
    assert code(observed.policy_host.addresses[0].failure) == "address-forbidden"
    assert not observed.smtp_blocked


async def test_of_many_addresses_some_are_visited(ca_file: Path) -> None:
    records = with_records(*(f"{MX}. 300 IN A 127.0.0.{last}" for last in range(2, 12)))
    async with observing(
        records, https=trusting(ca_file), smtp_port=unused_port(), https_port=unused_port()
    ) as observer:
        (host,) = (await observer.observe(DOMAIN)).mx_hosts
    assert len(host.addresses) == MAX_ADDRESSES
    assert host.more_addresses == 11 - MAX_ADDRESSES


async def test_port_25_is_blocked_where_no_host_can_be_reached(ca_file: Path) -> None:
    async with observing(
        https=trusting(ca_file), smtp_port=unused_port(), https_port=unused_port()
    ) as observer:
        observed = await observer.observe(DOMAIN)
    assert code(only(observed).failure) == "unreachable"
    assert observed.smtp_blocked


async def test_port_25_is_not_blocked_where_one_host_can_be_reached(ca_file: Path) -> None:
    records = with_records(
        f"{DOMAIN}. 300 IN MX 5 other.x.example.", "other.x.example. 300 IN A 127.0.0.2"
    )
    async with (
        mail_host(None, ehlo=NO_STARTTLS) as mail,
        observing(
            records, https=trusting(ca_file), smtp_port=mail.port, https_port=unused_port()
        ) as observer,
    ):
        observed = await observer.observe(DOMAIN)
    assert [host.name for host in observed.mx_hosts] == ["other.x.example", MX]
    assert not observed.smtp_blocked
    assert observed.mx_hosts[1].addresses[0].starttls is False


# -- records -------------------------------------------------------------------------------------


async def test_all_texts_of_a_name_are_seen_printable_and_bounded(ca_file: Path) -> None:
    records = [
        f"_mta-sts.{DOMAIN}. 300 IN CNAME _mta-sts.provider.example.",
        '_mta-sts.provider.example. 300 IN TXT "v=STSv1;\\009" "id=1;"',
        r'_mta-sts.provider.example. 300 IN TXT "\027[2J\255"',
        *(f'_smtp._tls.{DOMAIN}. 300 IN TXT "{number}"' for number in range(50)),
    ]
    async with observing(records, https=trusting(ca_file)) as observer:
        observed = await observer.observe(DOMAIN)
    assert set(observed.record.texts) == {"v=STSv1;\tid=1;", "\\x1b[2J\xff"}
    assert observed.record.alias_of == "_mta-sts.provider.example"
    assert len(observed.reports.texts) == MAX_TEXTS
    assert observed.reports.more == 50 - MAX_TEXTS


async def test_what_name_servers_do_not_tell_is_no_absence(ca_file: Path) -> None:
    broken = [f"_mta-sts.{DOMAIN}.", f"{HOST}.", f"{DOMAIN}."]
    async with observing(broken=broken, https=trusting(ca_file)) as observer:
        observed = await observer.observe(DOMAIN)
    assert code(observed.record.failure) == "dns-server-failure"
    assert code(observed.policy_host.failure) == "dns-server-failure"
    assert code(observed.mx_failure) == "dns-server-failure"
    assert observed.mx_hosts == ()
    assert observed.reports.failure is None


@pytest.mark.parametrize(
    ("records", "expected"),
    [
        ([f"{DOMAIN}. 300 IN MX 0 ."], "mx-null"),
        ([], "domain-unknown"),
    ],
)
async def test_a_domain_without_mx_hosts_says_why(
    ca_file: Path, records: list[str], expected: str
) -> None:
    async with observing(records, https=trusting(ca_file)) as observer:
        observed = await observer.observe(DOMAIN)
    assert code(observed.mx_failure) == expected
    assert code(observed.policy_host.failure) == "host-without-address"


async def test_without_mx_records_the_domain_is_its_own_mx_host(ca_file: Path) -> None:
    async with observing(
        [f"{DOMAIN}. 300 IN A 127.0.0.1"], https=trusting(ca_file), smtp_port=unused_port()
    ) as observer:
        observed = await observer.observe(DOMAIN)
    assert [(host.name, host.preference) for host in observed.mx_hosts] == [(DOMAIN, None)]


async def test_an_mx_host_may_be_an_alias_or_no_host_name(ca_file: Path) -> None:
    records = [
        f"{DOMAIN}. 300 IN MX 10 alias.{DOMAIN}.",
        f"{DOMAIN}. 300 IN MX 20 192.0.2.1.",
        f"alias.{DOMAIN}. 300 IN CNAME {MX}.",
        f"{MX}. 300 IN A 127.0.0.1",
    ]
    async with observing(records, https=trusting(ca_file), smtp_port=unused_port()) as observer:
        alias, address = (await observer.observe(DOMAIN)).mx_hosts
    assert alias.alias_of == MX
    assert code(address.failure) == "host-name-invalid"


# -- DANE ----------------------------------------------------------------------------------------


def digest(certificate: trustme.LeafCert) -> str:
    """Return the SHA-256 of the public key, which a record of 3 1 1 holds."""
    pem = certificate.cert_chain_pems[0].bytes()
    key = x509.load_pem_x509_certificate(pem).public_key()
    return hashlib.sha256(
        key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    ).hexdigest()


@pytest.mark.parametrize("fits", [True, False])
async def test_tlsa_records_are_compared_with_what_the_host_shows(
    ca_file: Path, fits: bool
) -> None:
    unknown = trustme.CA().issue_cert("y.example")  # whose names and issuer are no matter
    shown = unknown if fits else trustme.CA().issue_cert("y.example")
    records = with_records(f"_25._tcp.{MX}. 300 IN TLSA 3 1 1 {digest(unknown)}")
    async with (
        mail_host(tls(shown)) as mail,
        observing(
            records,
            signed=True,
            https=trusting(ca_file),
            smtp_port=mail.port,
            https_port=unused_port(),
        ) as observer,
    ):
        observed = await observer.observe(DOMAIN)
    assert observed.mx_authenticated
    assert observed.dane == "required"
    (host,) = observed.dane_hosts
    assert (host.host, host.outcome, host.fits) == (MX, "usable TLSA records", fits)
    assert bool(host.misfit) is not fits


@pytest.mark.parametrize("fits", [True, False])
async def test_tlsa_records_are_seen_where_the_mx_records_are_not_signed(
    ca_file: Path, fits: bool
) -> None:
    shown = trustme.CA().issue_cert("y.example")
    published = digest(shown) if fits else "00" * 32
    records = with_records(f"_25._tcp.{MX}. 300 IN TLSA 3 1 1 {published}")
    async with (
        mail_host(tls(shown)) as mail,
        observing(
            records,
            signed=True,
            unsigned=(f"{DOMAIN}.",),
            https=trusting(ca_file),
            smtp_port=mail.port,
            https_port=unused_port(),
        ) as observer,
    ):
        observed = await observer.observe(DOMAIN)
    assert not observed.mx_authenticated
    assert observed.dane == "none"
    (host,) = observed.dane_hosts
    assert (host.host, host.outcome, host.fits) == (MX, "usable TLSA records", fits)
    unsigned = "mx-records-not-signed"
    assert {"tlsa-misfit", unsigned} & {finding.code for finding in judge(observed)} == (
        {unsigned} if fits else {"tlsa-misfit", unsigned}
    )


async def test_who_is_not_asked_for_a_certificate_neither_fits_nor_does_not(ca_file: Path) -> None:
    records = with_records(f"_25._tcp.{MX}. 300 IN TLSA 3 1 1 {'00' * 32}")
    async with observing(
        records, signed=True, https=trusting(ca_file), https_port=unused_port()
    ) as observer:
        observed = await observer.observe(DOMAIN, smtp=False)
    assert observed.dane_hosts[0].fits is None


# -- bounds, and faults of this host -------------------------------------------------------------


async def test_what_takes_too_long_ends_and_the_rest_is_seen(ca: trustme.CA, ca_file: Path) -> None:
    records = with_records(f"{MX}. 300 IN A 127.0.0.2")
    async with (
        mail_host(tls(ca.issue_cert(MX))) as mail,
        mail_host(None, greeting=b"", host="127.0.0.2", port=mail.port),
        observing(
            records,
            https=trusting(ca_file),
            smtp_port=mail.port,
            https_port=unused_port(),
            timeout=2.0,
        ) as observer,
    ):
        observed = await observer.observe(DOMAIN)
    good, silent = sorted(observed.mx_hosts[0].addresses, key=lambda each: each.address)
    assert good.tls is not None
    assert code(silent.failure) == "observation-timeout"


async def test_a_certificate_of_many_names_is_shown_in_part(ca: trustme.CA, ca_file: Path) -> None:
    names = [MX, *(f"{number}.x.example" for number in range(100))]
    async with (
        mail_host(tls(ca.issue_cert(*names))) as mail,
        observing(
            https=trusting(ca_file), smtp_port=mail.port, https_port=unused_port()
        ) as observer,
    ):
        seen = only(await observer.observe(DOMAIN)).tls
    assert seen is not None
    assert seen.certificate is not None
    assert len(seen.certificate.dns_names) == MAX_NAMES
    assert seen.certificate.more_names == 101 - MAX_NAMES


async def test_what_this_host_lacks_is_no_failure_of_the_domain(
    ca_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with observing(
        https=trusting(ca_file), smtp_port=unused_port(), https_port=unused_port()
    ) as observer:
        limit = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (open_files(), limit[1]))
        try:
            with pytest.raises(ShortageError, match="may open no more files"):
                await observer.observe(DOMAIN)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, limit)


def test_a_trust_store_that_is_no_use_is_a_fault_of_the_configuration(tmp_path: Path) -> None:
    config = Config(https=HttpsConfig(ca_file=tmp_path / "nowhere.pem"))
    with pytest.raises(ConfigError, match=r"nowhere\.pem"):
        Observer.configured(config)


@pytest.mark.parametrize("domain", ["[mx.x.example]", "x.example:587", "X.example", "192.0.2.1"])
async def test_what_is_no_mail_domain_is_not_looked_at(ca_file: Path, domain: str) -> None:
    async with observing(https=trusting(ca_file)) as observer:
        with pytest.raises(ValueError, match="no mail domain"):
            await observer.observe(domain)
