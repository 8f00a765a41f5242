"""Which addresses a policy host may have."""

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtasts_resolver.discovery.addresses import is_allowed

PUBLIC = ["8.8.8.8", "192.0.1.1", "172.15.0.1", "172.32.0.1", "2606:4700::1111", "2a00::1"]

FORBIDDEN = [
    *("0.0.0.0", "0.1.2.3", "127.0.0.1", "127.255.255.254", "::1", "::"),
    *("10.1.2.3", "172.16.0.1", "172.31.255.255", "192.168.0.1", "fc00::1", "fdff::1"),
    *("169.254.1.1", "fe80::1", "fec0::1"),
    *("169.254.169.254", "fd00:ec2::254", "100.100.100.200", "192.0.0.192", "168.63.129.16"),
    *("100.64.0.1", "192.0.2.1", "198.51.100.1", "203.0.113.1", "198.18.0.1", "2001:db8::1"),
    *("3fff::1", "224.0.0.1", "239.1.1.1", "ff02::1", "240.0.0.1", "255.255.255.255"),
    *("192.88.99.1", "2002:7f00:1::", "2002:808:808::", "2001::1", "100::1", "5f00::1"),
    *("::ffff:127.0.0.1", "::ffff:10.0.0.1", "::127.0.0.1", "::8.8.8.8"),
    *("64:ff9b::127.0.0.1", "64:ff9b::10.0.0.1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::8.8.8.8"),
    *("2606:4700::5efe:10.0.0.1", "2606:4700::200:5efe:127.0.0.1"),
]

v4 = st.integers(0, 2**32 - 1).map(IPv4Address)
# Beside random addresses such as differ little from those that matter.
v6 = st.one_of(
    st.integers(0, 2**128 - 1),
    st.builds(
        lambda address, low: int(ip_address(address)) ^ low,
        st.sampled_from([text for text in (*PUBLIC, *FORBIDDEN) if ":" in text]),
        st.integers(0, 2**100 - 1),
    ),
).map(IPv6Address)


@pytest.mark.row("P12")
@pytest.mark.parametrize("address", PUBLIC)
def test_what_the_internet_can_reach_is_allowed(address: str) -> None:
    assert is_allowed(ip_address(address))


@pytest.mark.threat("dns-leads-inwards")
@pytest.mark.row("P12")
@pytest.mark.parametrize("address", FORBIDDEN)
def test_everything_else_is_forbidden(address: str) -> None:
    assert not is_allowed(ip_address(address))


@pytest.mark.row("P12")
@pytest.mark.parametrize("address", [*PUBLIC, *FORBIDDEN])
def test_a_configured_network_is_an_exception(address: str) -> None:
    exact = ip_network(address)
    other = ip_network("203.0.113.200/32")
    assert is_allowed(ip_address(address), [other, exact])


@pytest.mark.threat("dns-leads-inwards")
@pytest.mark.row("P12")
@pytest.mark.parametrize(
    "prefix", ["::ffff:0:0", "64:ff9b::", "2606:4700::5efe:0:0", "2606:4700::200:5efe:0:0"]
)
@given(embedded=v4)
def test_an_embedded_address_is_judged_as_what_it_is(prefix: str, embedded: IPv4Address) -> None:
    address = IPv6Address(int(IPv6Address(prefix)) | int(embedded))
    assert is_allowed(address) is is_allowed(embedded)
    assert is_allowed(address, [ip_network(embedded)])


@given(address=v4)
def test_ipv4_is_at_least_as_strict_as_python(address: IPv4Address) -> None:
    assert address.is_global or not is_allowed(address)
    assert not (address.is_multicast and is_allowed(address))


@given(address=v6)
def test_ipv6_is_at_least_as_strict_as_python(address: IPv6Address) -> None:
    assert address.ipv4_mapped or address.is_global or not is_allowed(address)
    assert not (address.is_multicast and is_allowed(address))
