"""What `check` finds of domains of the lab: one row, one domain."""

from typing import NamedTuple

WRONG_MX = "mx-host-certificate-names-another"
"""Of the MX host of all domains in internet.py whose policy a sender must not be able to use."""
AFFECTED = "report-address-affected"
"""Comes with each error that holds mail: reports go to the same domain in the lab."""


class Row(NamedTuple):
    """One domain, and all that is to be found of it."""

    domain: str
    codes: tuple[str, ...]
    says: str = ""
    """What stands in the words of the first."""


def row(name: str, *codes: str, says: str = "") -> Row:
    return Row(f"{name}.example", codes, says)


RECORDS = (
    row("no-record", "no-policy-record", WRONG_MX),
    row("sub.enforced", "no-policy-record", WRONG_MX, says="the domain above does not apply"),
    row("record-absent", "policy-without-record"),
    row("record-lost", "no-policy-record", says="at record.lost-provider.example, of which it is"),
    row("record-fails", "policy-record-lookup-failed", says="SERVFAIL"),
    row("two-records", "policy-records-several", WRONG_MX, says="2 records"),
    row("wrong-version", "policy-record-version-wrong", WRONG_MX, says="STSv2"),
    row("not-first", "policy-record-version-wrong", WRONG_MX),
    row("no-id", "policy-record-invalid", WRONG_MX, says="it has no id"),
    row("bad-id", "policy-record-invalid", WRONG_MX, says="2026-11-01"),
    row("record-space", "policy-record-space"),
    row("record-more-fields", "policy-record-fields-ignored", says="mode=enforce"),
    row("record-for-long", "policy-record-ttl-long", says="1d or longer"),
    row("hosted", "policy-record-alias", says="record.provider.example"),
)

POLICY_HOSTS = (
    row("web-fails", "policy-host-lookup-failed", says="SERVFAIL"),
    row("web-nowhere", "policy-host-without-address"),
    row("web-loopback", "policy-host-address-forbidden", WRONG_MX),
    row("web-down", "policy-host-unreachable", WRONG_MX, says="refused"),
    row("web-down-by-ipv4", "policy-host-address-unreachable", says="at 192.0.2."),
    row("web-down-by-ipv6", "policy-host-address-unreachable", says="at 2001:db8::443:"),
    row("web-no-tls", "policy-host-tls-failed"),
    row("web-outdated-only", "policy-host-tls-outdated", says="no TLS of version 1.2 or later"),
    row("web-outdated-too", "policy-host-takes-outdated-tls", says="TLSv1"),
    row("web-expired", "policy-host-certificate-expired", WRONG_MX),
    row("web-not-yet", "policy-host-certificate-not-yet-valid"),
    row("web-wrong-name", "policy-host-certificate-names-another", WRONG_MX),
    row("web-common-name", "policy-host-certificate-without-dns-name", WRONG_MX),
    row("web-untrusted", "policy-host-certificate-chain-incomplete", WRONG_MX),
    row("web-self-signed", "policy-host-certificate-untrusted", WRONG_MX, says="self-signed"),
    row("web-incomplete", "policy-host-certificate-chain-incomplete"),
    row("web-ends-in-days", "policy-host-certificate-about-to-end", says="in 5d"),
    row("web-ends-in-weeks", "policy-host-certificate-ends-soon", says="in 20d"),
    row("web-redirect", "policy-redirected", WRONG_MX, says="https://mta-sts.wrong-name"),
    row("web-404", "policy-status", WRONG_MX, says="404"),
    row("web-500", "policy-status", WRONG_MX, says="500"),
    row("web-html", "policy-media-type", WRONG_MX, AFFECTED, says="text/html"),
    row("web-large", "policy-body", WRONG_MX),
    row("web-gzip", "policy-body", WRONG_MX, says="gzip"),
    row("web-cached", "policy-cached", says="7d"),
    row("web-differs", "policy-differs-by-address", "policy-testing", says="mode testing"),
    row("web-dead-ipv6", "policy-host-address-unreachable", says="2001:db8::dead"),
    row("web-charset"),
    row("web-keeps-open"),
)

DOCUMENTS = (
    row("no-version", "policy-invalid", WRONG_MX, says="there is no version"),
    row("bad-mode", "policy-invalid", WRONG_MX, says="line 2: the mode 'enforced'"),
    row("no-max-age", "policy-invalid", WRONG_MX, says="there is no max_age"),
    row("no-mx", "policy-invalid", WRONG_MX, says="there is no mx"),
    row("html", "policy-invalid", WRONG_MX, says="line 1: "),
    row("not-utf8", "policy-body", WRONG_MX),
    row("text-bom", "policy-invalid", says="line 1: "),
    row("text-no-field", "policy-invalid", says="line 5: "),
    row("text-two-in-a-line", "policy-invalid", says="line 3: "),
    row("text-inner-wildcard", "policy-invalid", says="line 3: "),
    row("text-bad-lines", "policy-invalid"),
    row("text-twice", "policy-field-repeated", says="'testing'"),
    row("text-unknown-field", "policy-fields-unknown", says="line 5: max-age"),
    row("text-address", "policy-mx-unusable", says="192.0.2.25"),
    row("text-final-dot", "policy-mx-final-dot", says="line 3: "),
    row("text-blank-line", "policy-blank-lines", says="line 2"),
    row("text-bare-lines"),
    row("text-for-an-hour", "policy-max-age-short", says="1h"),
    row("text-for-days", "policy-max-age-below-weeks", says="2d"),
    row("text-for-ever", "policy-max-age-too-long", says="31557601"),
    row("text-testing", "policy-testing"),
    row("text-none", "policy-none"),
    row("text-pattern-without-host", "mx-pattern-without-host", says="lost.mx.example"),
    row("outside", "mx-host-outside-policy", "mx-pattern-without-host", AFFECTED),
)

MX_HOSTS = (
    row("bogus", "mx-lookup-failed", "policy-record-lookup-failed"),
    row("nowhere", "domain-unknown"),
    row("null-mx", "domain-takes-no-mail"),
    row("mx-null", "domain-takes-no-mail"),
    row("implicit", "mx-records-missing", "no-policy-record", WRONG_MX),
    row("mx-no-host-name", "mx-host-name-invalid", "mx-host-outside-policy", AFFECTED),
    row("mx-lost", "mx-host-without-address"),
    row("first-lost-enforced", "mx-host-lookup-failed", "dane-partial"),
    row("mx-forbidden", "mx-host-address-forbidden"),
    row("mx-down", "mx-host-unreachable", says="refused"),
    row("mx-down-by-ipv6", "mx-host-unreachable", says="at 2001:db8::25:"),
    row("mx-many", "not-all-checked", says="addresses beyond the first of a host: 2"),
    row("mx-refuses", "mx-host-refuses", says="554"),
    row("mx-is-no-smtp", "mx-host-unreachable", says="no SMTP"),
    row("no-starttls", "mx-host-without-starttls", AFFECTED),
    row("mx-refuses-starttls", "mx-host-starttls-fails", AFFECTED, says="454"),
    row("mx-injects", "mx-host-starttls-fails", AFFECTED),
    row("mx-outdated-only", "mx-host-tls-outdated", AFFECTED, says="no TLS of version 1.2"),
    row("mx-outdated-too", "mx-host-takes-outdated-tls", says="TLSv1"),
    row("expired", "mx-host-certificate-expired", AFFECTED),
    row("mx-not-yet", "mx-host-certificate-not-yet-valid", AFFECTED),
    row("wrong-name", WRONG_MX, AFFECTED, says="elsewhere.invalid"),
    row("mx-common-name", "mx-host-certificate-without-dns-name", AFFECTED),
    row("untrusted", "mx-host-certificate-chain-incomplete", AFFECTED),
    row("self-signed", "mx-host-certificate-untrusted", AFFECTED),
    row("mx-incomplete", "mx-host-certificate-chain-incomplete", AFFECTED),
    row("mx-ends-in-days", "mx-host-certificate-about-to-end", AFFECTED, says="in 5d"),
    row("mx-ends-in-weeks", "mx-host-certificate-ends-soon", says="in 20d"),
    row("mx-is-alias", "mx-host-alias", WRONG_MX, AFFECTED, says="tlsa-right.mx.example"),
)

DANE = (
    row("tlsa-wrong-enforced", "tlsa-misfit", AFFECTED),
    row("tlsa-fails-enforced", "tlsa-lookup-failed", AFFECTED),
    row("tlsa-unusable", "no-policy-record", "tlsa-unusable", WRONG_MX),
    row("first-has-tlsa", "no-policy-record", "dane-partial", WRONG_MX),
    row("unsigned-mx", "no-policy-record", "mx-records-not-signed", WRONG_MX),
    row("tlsa-right-enforced", WRONG_MX, AFFECTED),
)

REPORTS = (
    row("reports-none", "no-report-record"),
    row("reports-untold", "testing-without-reports", "policy-testing"),
    row("reports-fail", "report-record-lookup-failed"),
    row("reports-two", "report-records-several"),
    row("reports-broken", "report-record-invalid"),
    row("reports-nowhere", "report-uri-unusable", says="ftp"),
)

NEGLECTED = row(
    "neglected",
    "policy-host-certificate-about-to-end",
    "mx-host-outside-policy",
    "mx-host-certificate-ends-soon",
    "policy-max-age-below-weeks",
    "mx-pattern-without-host",
    "no-report-record",
)

LOOKED_OVER = (NEGLECTED, *RECORDS, *POLICY_HOSTS, *DOCUMENTS, *MX_HOSTS, *DANE, *REPORTS)
