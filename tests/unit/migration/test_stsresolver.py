"""What becomes of a configuration of postfix-mta-sts-resolver."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mtasts_resolver.config import Config, ConfigError, InetAddress, UnixAddress, parse_config
from mtasts_resolver.migration.ourfile import config_text, sets_nothing
from mtasts_resolver.migration.stsresolver import read_sts_resolver
from mtasts_resolver.migration.takeover import CacheKind, Takeover, TheirCache

# The conffile of the packages in Debian 12 (1.1.2) and Debian 13 (1.5.0), which are alike.
DEBIAN = """\
# host: 127.0.0.1
# port: 8461
# reuse_port: true
# shutdown_timeout: 20
cache:
  type: sqlite
  options:
    filename: "/var/lib/mta-sts/cache.db"
# default_zone:
#   strict_testing: false
"""


def take(text: str, *, keep_address: bool = False) -> Takeover:
    their, taken = read_sts_resolver(text.encode(), "theirs.yml", keep_address=keep_address)
    assert their.faults == []
    return taken


def ours(text: str, *, keep_address: bool = False) -> Config:
    made = config_text(take(text, keep_address=keep_address).settings, "theirs.yml")
    return parse_config(made.encode(), "ours").config


def faults(text: str) -> list[str]:
    their, _ = read_sts_resolver(text.encode(), "theirs.yml", keep_address=False)
    return [str(fault) for fault in their.faults]


def left(text: str) -> dict[str, str]:
    return {one.key: one.reason for one in take(text).left}


@pytest.mark.parametrize("text", ["", "# nothing\n", DEBIAN, "zones:\ndefault_zone:\ncache:\n"])
def test_of_the_usual_configuration_nothing_needs_to_be_written(text: str) -> None:
    taken = take(text)
    assert config_text(taken.settings, "theirs.yml") == ""
    assert (taken.left, taken.address_kept) == ([], True)


def test_the_cache_of_debians_package_is_found() -> None:
    assert take(DEBIAN).cache == TheirCache(CacheKind.SQLITE, "/var/lib/mta-sts/cache.db")


def test_a_cache_that_is_not_read_is_told_and_its_secrets_are_not() -> None:
    taken = take("cache: {type: redis, options: {url: 'redis://:hunter2@localhost'}}")
    assert taken.cache.kind is CacheKind.ELSEWHERE
    assert "mtasts-resolver warm" in taken.cache.reason
    assert [one.key for one in taken.left] == ["cache.type", "cache.options.url"]
    assert "hunter2" not in repr(taken)


def test_a_zone_is_a_map_that_answers_as_it_did() -> None:
    config = ours(
        "default_zone: {strict_testing: true, tlsrpt: yes, require_sni: off}\n"
        "zones: {relaxed: {}, same: {strict_testing: on, tlsrpt: 1, require_sni: 0}}\n"
    )
    assert (config.map_options("postfix").testing, config.map_options("any").tlsrpt) == (
        "enforce",
        True,
    )
    relaxed = config.map_options("relaxed")
    assert (relaxed.testing, relaxed.tlsrpt, relaxed.sni) == ("observe", False, True)
    assert config.map_options("same") == config.map_options("default")
    assert "same" in config.maps


def test_a_zone_may_be_called_as_a_map_that_is_built_in() -> None:
    config = ours("zones: {QUERYwithTLSRPT: {strict_testing: yes}}")
    options = config.map_options("querywithtlsrpt")
    assert (options.tlsrpt, options.testing) == (False, "enforce")


def test_each_line_says_where_it_comes_from() -> None:
    taken = take("zones:\n  strict:\n    strict_testing: true\n")
    text = config_text(taken.settings, "theirs.yml")
    assert text.endswith(
        "maps:\n  strict:\n    testing: enforce  # zones.strict.strict_testing, line 3\n"
    )
    assert "theirs.yml" in text.splitlines()[0]
    assert not sets_nothing(text.encode(), "ours")


def test_zones_that_cannot_be_maps_are_told() -> None:
    found = left("zones: {'a b': {}, Strict: {}, strict: {strict_testing: true}}")
    assert list(found) == ["zones.'a b'", "zones.strict"]
    assert "zones.Strict is taken" in found["zones.strict"]


def test_the_address_is_kept_where_other_hosts_ask_or_where_that_is_asked_for() -> None:
    assert take("port: 8461\nhost: localhost\n").address_kept
    moved = take("port: 9000\n")
    assert (moved.settings, moved.address_kept) == ([], False)
    assert moved.address == InetAddress("127.0.0.1", 9000)
    assert [one.key for one in moved.left] == ["port"]
    for text, keep in (("host: 0.0.0.0", False), ("port: 9000", True), ("host: '::1'", True)):
        (listener,) = ours(text, keep_address=keep).listen
        assert listener.address == take(text, keep_address=keep).address
    (listener,) = ours("path: /run/x.sock\nmode: 0660\nport: 1", keep_address=True).listen
    assert (listener.address, listener.mode) == (UnixAddress("/run/x.sock"), 0o660)


def test_a_longer_timeout_holds_for_all_maps_and_a_shorter_one_is_told() -> None:
    config = ours("default_zone: {timeout: 20}\nzones: {a: {timeout: 7}}")
    assert (config.dns.timeout, config.https.timeout) == (20.0, 20.0)
    assert ours("default_zone: {timeout: 7}").dns.timeout == 7.0
    assert ours("default_zone: {timeout: 7}").https.timeout == 10.0
    assert ours("default_zone: {timeout: 4}") == Config()
    assert list(left("default_zone: {timeout: 2}")) == ["default_zone.timeout"]


def test_fetching_is_taken_over_where_it_is_enabled() -> None:
    section = "proactive_policy_fetching: {{enabled: {}, interval: 43200, concurrency_limit: 20}}"
    refresh = ours(section.format("true")).refresh
    assert (refresh.interval, refresh.concurrency) == (43_200.0, 20)
    assert ours(section.format("false")) == Config()
    assert len(left(section.format("false"))) == 2
    assert list(left("proactive_policy_fetching: {enabled: yes, interval: 60}")) == [
        "proactive_policy_fetching.interval"
    ]


def test_a_key_that_nobody_knows_is_told_without_its_value() -> None:
    (one,) = take("port: 8461\npasword: hunter2").left
    assert (one.key, one.line, one.value) == ("pasword", 2, None)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("port: x", "theirs.yml:1: port: 'x' is not a whole number"),
        ("\nport: 70000", "theirs.yml:2: port: 'inet:127.0.0.1:70000': the port"),
        ("host: [a]", "theirs.yml:1: host: one value is expected here"),
        ("zones: 5", "theirs.yml:1: zones: keys and values are expected here"),
        ("zones: {a: 5}", "theirs.yml:1: zones.a: keys and values are expected here"),
        ("port: {a: 1}", "theirs.yml:1: port.a: one value is expected at port"),
        ("cache: {type: memcached}", "theirs.yml:1: cache.type: it is none of"),
        ("cache: {type: sqlite}", "theirs.yml:1: cache.type: cache.options.filename is missing"),
        ("path: run/x", "theirs.yml:1: path: 'unix:run/x': the path of a unix socket must be"),
        ("path: /run/x\nmode: 666", "theirs.yml:2: mode: '666' is not an octal file mode"),
        ("zones: {a: {tlsrpt: maybe}}", "theirs.yml:1: zones.a.tlsrpt: 'maybe' is not true or"),
        ("server: {address: ':1'}", "theirs.yml:1: server.address: no key of this file is known"),
        ("port: 1\nport: 2", "theirs.yml:2: $: the key 'port' stands twice"),
    ],
)
def test_what_is_wrong_is_told_with_its_file_line_and_key(text: str, fault: str) -> None:
    assert faults(text)[0].startswith(fault)


def test_a_fault_is_told_once_however_many_keys_depend_on_it() -> None:
    section = "{enabled: maybe, interval: 7200, concurrency_limit: 5}"
    assert len(faults(f"proactive_policy_fetching: {section}")) == 1


@pytest.mark.parametrize("text", ["[1]", "a: [", "a: &x 1\nb: *x", "\x00", "? [a]\n: b"])
def test_what_is_no_such_file_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match=r"theirs\.yml"):
        take(text)


SCALARS = st.sampled_from(["", "yes", "off", "0", "4", "60", "1e9", "4.5", "~", "'x: y'", '"\\n"'])
NAMES = st.sampled_from(["a", "B", "b", "null", "tlsrpt", "'x\\ny'", '"x\\ny"', "'#'", "~", "'-'"])
ZONES = st.dictionaries(
    st.sampled_from(["strict_testing", "require_sni", "tlsrpt", "timeout", "else"]), SCALARS
)


def flow(items: dict[str, str]) -> str:
    return "{" + ", ".join(f"{name}: {value}" for name, value in items.items()) + "}"


@pytest.mark.threat("migrate-hostile")
@settings(max_examples=40)
@given(ZONES, st.dictionaries(NAMES, ZONES), SCALARS, SCALARS, st.booleans())
def test_whatever_it_says_what_is_written_is_valid_or_a_fault_is_told(
    default: dict[str, str], zones: dict[str, dict[str, str]], host: str, port: str, keep: bool
) -> None:
    text = f"host: {host}\nport: {port}\ndefault_zone: {flow(default)}\n"
    text += "zones: " + flow({name: flow(zone) for name, zone in zones.items()})
    try:
        their, taken = read_sts_resolver(text.encode(), "theirs.yml", keep_address=keep)
    except ConfigError:
        return
    if not their.faults:
        made = config_text(taken.settings, "theirs.yml")
        assert made.count("\n") == len(made.splitlines())
        parse_config(made.encode(), "ours")
        told = {one.key for one in taken.left} | set(taken.alike)
        told |= {setting.because for setting in taken.settings}
        for key in their.keys.values():
            if isinstance(key.value, str) and key.path[0] != "zones":
                assert any(key.name in one for one in told), key


@pytest.mark.threat("migrate-hostile")
@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused_in_words(data: bytes) -> None:
    try:
        read_sts_resolver(data, "theirs.yml", keep_address=False)
    except ConfigError as error:
        told = str(error)
    else:
        return
    assert told.startswith("theirs.yml")


def test_a_zone_may_be_called_like_nothing_else() -> None:
    made = ours('zones: {"-": {strict_testing: true}, "null": {}, "1": {require_sni: false}}')
    assert made.map_options("-").testing == "enforce"
    assert not made.map_options("1").sni


def test_what_cannot_be_is_refused_in_words() -> None:
    told, *_ = faults('cache: {type: sqlite, options: {filename: "/a\\0b"}}')
    assert "holds a NUL" in told
    (told,) = faults("host: mail.example")
    assert "write its IP address" in told
