"""Addresses as the configuration spells them."""

import ipaddress

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mtasts_resolver.config.endpoints import (
    MAX_UNIX_PATH,
    InetAddress,
    NameServer,
    ProxyUrl,
    UnixAddress,
    parse_address,
    parse_ip,
    parse_network,
    parse_proxy_url,
    parse_server,
)

MAX_ERROR = 400  # characters of a line that an administrator reads


def error_of(text: str, parse: object) -> str:
    assert callable(parse)
    with pytest.raises(ValueError) as caught:
        parse(text)
    error = str(caught.value)
    assert error.isascii()
    assert error.isprintable()
    assert len(error) < MAX_ERROR
    return error


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("inet:127.0.0.1:8461", InetAddress("127.0.0.1", 8461)),
        ("inet:[::1]:8461", InetAddress("::1", 8461)),
        ("inet:[0:0::0:1]:08461", InetAddress("::1", 8461)),
        ("inet:[fe80::1%eth0.100]:8461", InetAddress("fe80::1%eth0.100", 8461)),
        ("inet:localhost:8461", InetAddress("localhost", 8461)),
        ("inet:MX.example.COM:8461", InetAddress("mx.example.com", 8461)),
        ("inet:0.0.0.0:0", InetAddress("0.0.0.0", 0)),
        ("unix:/run/mtasts/socketmap", UnixAddress("/run/mtasts/socketmap")),
        ("unix:/" + "x" * (MAX_UNIX_PATH - 1), UnixAddress("/" + "x" * (MAX_UNIX_PATH - 1))),
        ("unix:/run/\udcfc", UnixAddress("/run/\udcfc")),
    ],
)
def test_addresses(text: str, address: InetAddress | UnixAddress) -> None:
    assert parse_address(text) == address


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "'' is neither 'inet:HOST:PORT' nor 'unix:/PATH'"),
        ("tcp:127.0.0.1:1", "'tcp:127.0.0.1:1' is neither"),
        ("127.0.0.1:8461", "is neither"),
        ("inet:", "the port '' is not a number"),
        ("inet:8461", "'inet:8461': no host is named: write inet:127.0.0.1:8461, or inet:0.0.0.0"),
        ("inet::8461", "no host is named"),
        ("inet:127.0.0.1", "the port '127.0.0.1' is not a number"),
        ("inet:127.0.0.1:", "the port '' is not a number"),
        ("inet:127.0.0.1:smtp", "the port 'smtp' is not a number"),
        ("inet:127.0.0.1:65536", "the port '65536' is not a number from 0 to 65535"),
        ("inet:127.0.0.1:-1", "the port '-1'"),
        ("inet:127.0.0.1:8_4", "the port '8_4'"),
        ("inet:127.0.0.1:\u0668", "is not a number"),
        ("inet:127.0.0.1:80\n", "is not a number"),
        ("inet:127.0.0.1:" + "9" * 10_000, "is not a number"),
        ("inet:::1:8461", "stands in brackets"),
        ("inet:[127.0.0.1]:8461", "stands in brackets"),
        ("inet:[localhost]:8461", "neither an IP address nor a host name"),
        ("inet:127.0.0.256:8461", "neither an IP address nor a host name"),
        ("inet:*:8461", "'*' is neither an IP address nor a host name"),
        ("inet:a b:8461", "neither an IP address nor a host name"),
        ("inet:[fe80::1%e\n]:8461", "neither an IP address nor a host name"),
        ("unix:", "must be absolute, as in unix:/run/x/socket"),
        ("unix:run/x", "'unix:run/x': the path"),
        ("unix:/run/", "must be absolute"),
        ("unix:/run/\0x", "NUL"),
        ("unix:/run/\ud800", "no character"),
        ("unix:/" + "x" * MAX_UNIX_PATH, "at most 107 bytes, not 108"),
        ("unix:/" + "\u00fc" * 60, "at most 107 bytes, not 121"),
    ],
)
def test_what_is_no_address(text: str, why: str) -> None:
    assert why in error_of(text, parse_address)


@given(
    st.one_of(
        st.text(),
        st.text(alphabet="inetux:/[].0123456789abcdf%-\n", max_size=40),
        st.text().map("inet:{}".format),
        st.text().map("unix:/{}".format),
    )
)
def test_an_address_is_read_back_as_the_same(text: str) -> None:
    try:
        address = parse_address(text)
    except ValueError:
        return
    assert parse_address(str(address)) == address


@pytest.mark.parametrize(
    ("text", "server"),
    [
        ("192.0.2.53", NameServer("192.0.2.53", 53)),
        ("192.0.2.53:5353", NameServer("192.0.2.53", 5353)),
        ("2001:db8::53", NameServer("2001:db8::53", 53)),
        ("[2001:DB8::53]", NameServer("2001:db8::53", 53)),
        ("[::1]:5353", NameServer("::1", 5353)),
        ("fe80::1%eth0", NameServer("fe80::1%eth0", 53)),
    ],
)
def test_name_servers(text: str, server: NameServer) -> None:
    assert parse_server(text) == server
    assert parse_server(str(server)) == server


@pytest.mark.parametrize(
    "text",
    [
        *("", "localhost", "dns.example:53", "192.0.2", "192.0.2.053", "192.0.2.53 "),
        *("[192.0.2.53]", "[192.0.2.53]:53", "[192.0.2.53\n]", "192.0.2.53:5353:1"),
        *("[::1", "::1]", "::1]:53", "[::1]53", "[::1]x", "fe80::1%a b", "x" * 10_000),
    ],
)
def test_what_is_no_name_server(text: str) -> None:
    assert "is no name server: an IP address is needed" in error_of(text, parse_server)


@pytest.mark.parametrize(
    "text",
    [
        *("192.0.2.53:", "192.0.2.53:0", "192.0.2.53:65536", "192.0.2.53:+5", "192.0.2.53:1_0"),
        *("192.0.2.53:\u0665", "[::1]:", "[::1]:0", "[::1]:5\n", "192.0.2.53:" + "9" * 10_000),
    ],
)
def test_what_is_no_port_of_a_name_server(text: str) -> None:
    assert "is not a number from 1 to 65535" in error_of(text, parse_server)


@given(st.text() | st.text(alphabet="[]:.%0123456789abcdef", max_size=30))
def test_a_name_server_is_read_back_as_the_same(text: str) -> None:
    try:
        server = parse_server(text)
    except ValueError:
        return
    assert parse_server(str(server)) == server


@given(st.ip_addresses() | st.from_regex(r"fe80::1%[ -~]{1,20}", fullmatch=True))
@example("fe80::1%" + "x" * 15)
def test_an_ip_address_is_text_without_surprises(address: object) -> None:
    text = str(address)
    try:
        parsed = parse_ip(text)
    except ValueError:
        assert "%" in text
        return
    assert ipaddress.ip_address(parsed) == ipaddress.ip_address(text)
    assert set(parsed.partition("%")[2]).isdisjoint(" /[]:%\"'")


@pytest.mark.parametrize(
    ("text", "proxy", "shown"),
    [
        (
            "http://Proxy.example:3128",
            ProxyUrl("proxy.example", 3128),
            "http://proxy.example:3128",
        ),
        ("http://[2001:DB8:0::1]:443/", ProxyUrl("2001:db8::1", 443), "http://[2001:db8::1]:443"),
        (
            "http://me:p%40ss%3A%C3%BC@192.0.2.1:8080",
            ProxyUrl("192.0.2.1", 8080, "me", "p@ss:\u00fc"),
            "http://***@192.0.2.1:8080",
        ),
        ("http://:secret@a:80", ProxyUrl("a", 80, "", "secret"), "http://***@a:80"),
        ("http://me@a:80", ProxyUrl("a", 80, "me"), "http://***@a:80"),
        ("http://@a:80", ProxyUrl("a", 80), "http://a:80"),
    ],
)
def test_proxies_do_not_show_who_we_are_to_them(text: str, proxy: ProxyUrl, shown: str) -> None:
    parsed = parse_proxy_url(text)
    assert parsed == proxy
    assert str(parsed) == repr(parsed) == f"{parsed}" == shown


@pytest.mark.parametrize(
    "text",
    [
        *("", "proxy", "proxy:3128", "ftp://proxy:21", "socks5://127.0.0.1:1080", "http://"),
        *("http://proxy", "http://proxy:0", "http://:80", "http://proxy:99999", "http://[::1"),
        *("http://proxy:80/path", "http://proxy:80//", "http://proxy:80?q", "http://proxy:80/?q"),
        *("http://a b:80", "http://pro\nxy:80", "http://pro\nxy:80\n/x", "http://proxy:80\t"),
        *("http://me:se/cret@proxy:80", "http://me:secret@proxy:99999", "http://me:secret@[::1:80"),
        *("http://me:secret@\u2100.example:80", "http://me:secret@proxy:80/path"),
    ],
)
def test_what_is_no_proxy(text: str) -> None:
    error = error_of(text, parse_proxy_url)
    assert "cret" not in error


@given(st.text() | st.text(alphabet="ab0:@/[].%?#", max_size=20).map("http://{}:80".format))
@example("http://[fe80::1%eth0]:80")
def test_a_proxy_is_read_back_as_the_same(text: str) -> None:
    try:
        proxy = parse_proxy_url(text)._replace(user="", password="")
    except ValueError:
        return
    assert parse_proxy_url(str(proxy)) == proxy


@pytest.mark.parametrize("url", ["https://proxy:443", "HTTPS://user:secret@proxy:443"])
def test_no_proxies_over_tls(url: str) -> None:
    error = error_of(url, parse_proxy_url)
    assert "asks for TLS to the proxy, which is not supported" in error
    assert "secret" not in error


def test_networks() -> None:
    assert parse_network("10.0.0.0/8") == ipaddress.IPv4Network("10.0.0.0/8")
    assert parse_network("2001:DB8::/32") == ipaddress.IPv6Network("2001:db8::/32")
    assert parse_network("192.0.2.1") == ipaddress.IPv4Network("192.0.2.1/32")


@pytest.mark.parametrize("text", ["", "10", "10.0.0.0/33", "example.com", "10.0.0.0/255.0.0.256"])
def test_what_is_no_network(text: str) -> None:
    assert "is not an IP network" in error_of(text, parse_network)
