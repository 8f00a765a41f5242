"""Where reports go: what is written, and what is read of others."""

import pytest

from mtasts_resolver.published.publication.policyfile import PublicationError
from mtasts_resolver.published.publication.tlsrpt import (
    read_report_uris,
    report_record,
    report_uri,
    report_uris,
    usable_uris,
)


@pytest.mark.parametrize(
    ("text", "uri"),
    [
        ("tls@example.com", "mailto:tls@example.com"),
        ("mailto:tls@example.com", "mailto:tls@example.com"),
        ("tls+sts@EXAMPLE.com", "mailto:tls+sts@example.com"),
        ("a!b@example.com", "mailto:a%21b@example.com"),
        ("a%b@example.com", "mailto:a%25b@example.com"),
        ("mailto:a%21b@example.com", "mailto:a%21b@example.com"),
        ("tls@bücher.example", "mailto:tls@xn--bcher-kva.example"),
        ("https://reports.example/tls?of=a,b;c!", "https://reports.example/tls?of=a%2Cb%3Bc%21"),
    ],
)
def test_an_address_becomes_a_uri(text: str, uri: str) -> None:
    assert report_uri(text) == uri
    assert read_report_uris([report_record([uri])]) == (uri,)
    assert usable_uris([uri]) == (uri,)


@pytest.mark.parametrize(
    "text",
    [
        *("", "tls", "@example.com", "tls@", "tls@localhost", "tls@192.0.2.1", "tls@[192.0.2.1]"),
        *("tls@example.com:25", "a b@example.com", "a,b@example.com", "a;b@example.com"),
        *(
            "http://reports.example/",
            "ftp://reports.example/",
            "https:",
            "https://[/",
            "https:///a",
        ),
        *("https://reports.example/\n", f"https://reports.example/{'a' * 200}", "é@example.com"),
    ],
)
def test_what_no_report_can_be_sent_to_is_refused(text: str) -> None:
    with pytest.raises(PublicationError):
        report_uri(text)
    assert usable_uris([text]) == ()


def test_the_record_names_each_place_once_and_not_too_many() -> None:
    uris = report_uris(["a@example.com", "https://b.example/", "mailto:a@example.com"])
    assert report_record(uris) == "v=TLSRPTv1; rua=mailto:a@example.com,https://b.example/"
    with pytest.raises(PublicationError, match="8 places"):
        report_uris([f"{n}@example.com" for n in range(9)])


@pytest.mark.parametrize(
    ("texts", "uris"),
    [
        (("v=TLSRPTv1; rua=mailto:a@b.example , https://c.example;",), 2),
        (("v=TLSRPTv1;ext=1;rua=mailto:a@b.example",), 1),
        (("another", "v=TLSRPTv1 ; rua=mailto:a@b.example"), 1),
        (("v=TLSRPTv1; rua=mailto:a@b.example",) * 2, 0),
        (("v=TLSRPTv1;",), 0),
        (("v=TLSRPTv2; rua=mailto:a@b.example",), 0),
        ((), 0),
    ],
)
def test_what_is_published_is_read(texts: tuple[str, ...], uris: int) -> None:
    assert len(read_report_uris(texts)) == uris
