"""What becomes of a configuration of postfix-tlspol."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mtasts_resolver.config import (
    Config,
    ConfigError,
    HttpAddress,
    InetAddress,
    UnixAddress,
    parse_config,
)
from mtasts_resolver.migration.ourfile import config_text
from mtasts_resolver.migration.takeover import CacheKind, Takeover, TheirCache
from mtasts_resolver.migration.tlspol import read_tlspol

# Its own defaults, of 1.8.9 and of 1.9, without their comments.
DEFAULTS = """\
server:
  address: 127.0.0.1:8642
  socket-permissions: 0666
  log-level: info
  log-format: text
  prefetch: true
  cache-file: /var/lib/postfix-tlspol/cache.db
dns:
"""
# Of version 1.5.
OLD = """\
server:
  address: 127.0.0.1:8642
  tlsrpt: no
  prefetch: no
  strict: false
dns:
  address: 127.0.0.1:5353
redis:
  disable: no
  address: 127.0.0.1:6379
  password: hunter2
  db: 2
"""


def take(text: str, *, keep_address: bool = False) -> Takeover:
    their, taken = read_tlspol(text.encode(), "theirs.yaml", keep_address=keep_address)
    assert their.faults == []
    return taken


def ours(text: str, *, keep_address: bool = False) -> Config:
    made = config_text(take(text, keep_address=keep_address).settings, "theirs.yaml")
    return parse_config(made.encode(), "ours").config


def left(text: str) -> list[str]:
    return [one.key for one in take(text).left]


@pytest.mark.parametrize("text", ["", DEFAULTS])
def test_of_its_defaults_main_cf_changes_alone(text: str) -> None:
    taken = take(text)
    assert taken.settings == []
    assert (taken.address, taken.address_kept) == (InetAddress("127.0.0.1", 8642), False)
    assert taken.cache == TheirCache(CacheKind.GOB, "/var/lib/postfix-tlspol/cache.db")
    assert left(DEFAULTS) == ["server.address"]


def test_of_an_old_version_what_can_be_is_taken_over_and_no_secret_is_told() -> None:
    taken = take(OLD)
    assert [str(server) for server in ours(OLD).dns.servers] == ["127.0.0.1:5353"]
    assert taken.cache.kind is CacheKind.ELSEWHERE
    assert "mtasts-resolver warm" in taken.cache.reason
    assert "hunter2" not in repr(taken)
    assert left(OLD)[:2] == ["server.address", "server.prefetch"]
    assert left("server: {strict: yes}") == ["server.strict"]


def test_its_address_can_be_kept() -> None:
    (listener,) = ours("", keep_address=True).listen
    assert listener.address == InetAddress("127.0.0.1", 8642)
    unix = "server: {address: 'unix:/run/postfix-tlspol/x.sock', socket-permissions: 0660}"
    (listener,) = ours(unix, keep_address=True).listen
    assert listener.address == UnixAddress("/run/postfix-tlspol/x.sock")
    assert listener.mode == 0o660
    (listener,) = ours("server: {address: ':8642'}").listen
    assert listener.address == InetAddress("0.0.0.0", 8642)


def test_logs_metrics_and_reports_are_taken_over() -> None:
    text = "server: {log-level: warn, log-format: JSON, metrics-address: '[::1]:9642', tlsrpt: yes}"
    config = ours(text)
    assert (config.log.level, config.log.format) == ("warning", "json")
    assert config.http.address == HttpAddress("::1", 9642)
    assert config.map_options("QUERY").tlsrpt
    assert not config.map_options("default").tlsrpt
    odd = "server: {log-level: loud, metrics-address: 'unix:/run/m.sock', metrics: 1}"
    assert ours(odd) == Config()
    assert left(odd) == ["server.metrics", "server.metrics-address", "server.log-level"]


@pytest.mark.parametrize(
    ("address", "servers", "reason"),
    [
        ("127.0.0.1:53", ["127.0.0.1"], ""),
        ("'[::1]:5353'", ["[::1]:5353"], ""),
        ("127.0.0.53:53", ["127.0.0.53"], "it only forwards"),
        ("192.0.2.53:53", ["192.0.2.53"], "dns.dnssec: trust"),
        ("dns.example:53", [], "needs an IP address"),
    ],
)
def test_of_a_resolver_is_told_whether_it_is_believed(
    address: str, servers: list[str], reason: str
) -> None:
    text = f"dns: {{address: {address}}}"
    assert [str(server) for server in ours(text).dns.servers] == servers
    told = " ".join(one.reason for one in take(text).left)
    assert reason in told
    assert bool(reason) == bool(told)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("server: {address: nowhere}", "theirs.yaml:1: server.address: "),
        ("server: {prefetch: maybe}", "theirs.yaml:1: server.prefetch: 'maybe' is not true or"),
        ("server:\n  metrics-address: x", "theirs.yaml:2: server.metrics-address: 'x' is not"),
        ("server: {socket-permissions: rw}", "theirs.yaml:1: server.socket-permissions: 'rw' is"),
        ("server: [a]", "theirs.yaml:1: server: keys and values are expected here"),
    ],
)
def test_what_is_wrong_is_told_with_its_file_line_and_key(text: str, fault: str) -> None:
    their, _ = read_tlspol(text.encode(), "theirs.yaml", keep_address=False)
    assert str(their.faults[0]).startswith(fault)


@settings(max_examples=40)
@given(
    st.dictionaries(
        st.sampled_from(
            ["address", "metrics-address", "log-level", "log-format", "tlsrpt", "cache-file", "x"]
        ),
        st.sampled_from(
            ["", "yes", "127.0.0.1:1", ":5", "unix:/x", "'\"'", "json", "~", "[1]", "é"]
        ),
    ),
    st.sampled_from(["", "127.0.0.1:53", "'::1'", "x:53", "'[::1]:53'", "127.0.0.1:0"]),
    st.booleans(),
)
def test_whatever_it_says_what_is_written_is_valid_or_a_fault_is_told(
    server: dict[str, str], dns: str, keep: bool
) -> None:
    lines = [f"  {name}: {value}" for name, value in server.items()]
    text = "\n".join(["server:", *lines, "dns:", f"  address: {dns}", ""])
    try:
        their, taken = read_tlspol(text.encode(), "theirs.yaml", keep_address=keep)
    except ConfigError:
        return
    if not their.faults:
        parse_config(config_text(taken.settings, "theirs.yaml").encode(), "ours")
