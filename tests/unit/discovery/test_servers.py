"""Which name servers are asked."""

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtasts_resolver.config import MAX_SERVERS, NameServer
from mtasts_resolver.discovery.dns.client import DnsClient
from mtasts_resolver.discovery.dns.servers import RESOLV_CONF_CHECK, ResolvConf, read_resolv_conf
from mtasts_resolver.discovery.errors import DnsConfigError


def test_more_servers_than_can_be_used_are_an_error() -> None:
    with pytest.raises(ValueError, match="4 name servers, at most 3 can be used"):
        DnsClient([NameServer(f"192.0.2.{number}") for number in range(MAX_SERVERS + 1)])


def test_resolv_conf_names_servers() -> None:
    text = """
# nameserver 192.0.2.9
; nameserver 192.0.2.9
domain x.example
nameserver 192.0.2.1
 nameserver\t192.0.2.2   # trailing
nameserver
nameserver dns.example
nameserver 192.0.2.1
nameserver fe80::1%eth0
nameserver 192.0.2.4
options edns0
"""
    assert read_resolv_conf(text).servers == (
        NameServer("192.0.2.1"),
        NameServer("192.0.2.2"),
        NameServer("fe80::1%eth0"),
    )


def test_without_any_the_server_is_this_host() -> None:
    assert read_resolv_conf("search x.example\n").servers == (NameServer("127.0.0.1"),)


@given(st.text())
def test_whatever_resolv_conf_holds_there_are_servers(text: str) -> None:
    assert 1 <= len(read_resolv_conf(text).servers) <= MAX_SERVERS


@pytest.mark.parametrize(
    ("text", "trusted"),
    [
        ("options trust-ad", True),
        ("options edns0 trust-ad ndots:0\nnameserver 192.0.2.1", True),
        ("options edns0\noptions\ttrust-ad", True),
        ("options trust-ad\noptions edns0", True),
        ("options edns0", False),
        ("# options trust-ad", False),
        ("nameserver trust-ad", False),
        ("options no-trust-ad", False),
    ],
)
def test_resolv_conf_may_vouch_for_the_servers(text: str, trusted: bool) -> None:
    assert read_resolv_conf(text).trust_ad is trusted


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_resolv_conf_is_read_again_when_it_has_changed(tmp_path: Path) -> None:
    path, clock = tmp_path / "resolv.conf", Clock()
    path.write_text("nameserver 192.0.2.1\n")
    servers = ResolvConf(path, clock)
    assert servers.current() == (NameServer("192.0.2.1"),)

    path.write_text("nameserver 192.0.2.22\n")
    clock.now += RESOLV_CONF_CHECK - 0.001
    assert servers.current() == (NameServer("192.0.2.1"),)
    clock.now += 0.001
    assert servers.current() == (NameServer("192.0.2.22"),)
    assert not servers.trust_ad
    path.write_text("nameserver 192.0.2.22\noptions trust-ad\n")
    clock.now += RESOLV_CONF_CHECK
    servers.current()
    assert servers.trust_ad


def test_a_replaced_file_is_seen(tmp_path: Path) -> None:
    path, clock = tmp_path / "resolv.conf", Clock()
    path.write_text("nameserver 192.0.2.1\n")
    servers = ResolvConf(path, clock)
    servers.current()
    new = tmp_path / "new"
    new.write_text("nameserver 192.0.2.2\n")
    new.replace(path)
    clock.now += RESOLV_CONF_CHECK
    assert servers.current() == (NameServer("192.0.2.2"),)


def test_a_file_that_is_gone_leaves_its_servers_in_force(tmp_path: Path) -> None:
    path, clock = tmp_path / "resolv.conf", Clock()
    servers = ResolvConf(path, clock)
    with pytest.raises(DnsConfigError):
        servers.current()
    path.write_text("nameserver 192.0.2.1\n")
    assert servers.current() == (NameServer("192.0.2.1"),)
    path.unlink()
    clock.now += RESOLV_CONF_CHECK
    assert servers.current() == (NameServer("192.0.2.1"),)
    path.write_text("nameserver 192.0.2.2\n")
    clock.now += RESOLV_CONF_CHECK
    assert servers.current() == (NameServer("192.0.2.2"),)


@pytest.mark.row("P15")
def test_a_file_that_cannot_be_opened_for_want_of_files_is_a_shortage(tmp_path: Path) -> None:
    path = tmp_path / "resolv.conf"
    path.write_text("nameserver 192.0.2.1\n")
    program = (
        "import resource, sys\n"
        "from pathlib import Path\n"
        "from mtasts_resolver.discovery.errors import ShortageError\n"
        "from mtasts_resolver.discovery.dns.servers import ResolvConf\n"
        "servers = ResolvConf(Path(sys.argv[1]))\n"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (3, 3))\n"
        "try:\n"
        "    servers.current()\n"
        "except ShortageError as error:\n"
        "    print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(path)], capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("this process may open no more files")
