"""What a configuration file may hold, and what is said about one that is wrong."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtasts_resolver.config import (
    Config,
    ConfigError,
    DnsConfig,
    Fault,
    InetAddress,
    ListenerConfig,
    MapOptions,
    NameServer,
    load_file,
    parse_config,
)
from mtasts_resolver.config.faults import shown
from mtasts_resolver.config.yamlfile import MAX_FILE_BYTES


def read(text: str) -> Config:
    return parse_config(text.encode(), "config.yaml").config


def faults(text: str | bytes) -> list[str]:
    data = text.encode() if isinstance(text, str) else text
    with pytest.raises(ConfigError) as caught:
        parse_config(data, "config.yaml")
    assert str(caught.value) == "\n".join(map(str, caught.value.faults))
    return [str(fault) for fault in caught.value.faults]


def faults_if_any(data: bytes) -> tuple[str, ...]:
    try:
        config = parse_config(data, "config.yaml").config
    except ConfigError as error:
        return tuple(map(str, error.faults)) or ("no fault was named",)
    assert config.map_options("default") is not None
    return ()


@pytest.mark.parametrize(
    "text", ["", "\n", "# nothing\n", "---\n", "~", "{}", "dns:\nmaps:\nlog:\n"]
)
def test_an_empty_file_means_the_defaults(text: str) -> None:
    assert read(text) == Config()


def test_no_file_means_the_defaults() -> None:
    config = load_file(None).config
    assert config == Config()
    assert config.listen == (
        ListenerConfig(protocol="socketmap", address=InetAddress("127.0.0.1", 8461)),
    )
    assert (config.lookup_timeout, config.dns.timeout, config.https.timeout) == (20.0, 5.0, 10.0)
    assert (config.refresh.interval, config.refresh.forget_after) == (86_400.0, 7_776_000.0)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (
            "maps: {tlsrpt: {testing: enfroce}}",
            "$.maps.tlsrpt.testing: 'enfroce' is not one of observe, enforce",
        ),
        (
            "dns: {sever: []}",
            "$.dns: unknown key 'sever'; did you mean 'servers'? (valid: dnssec, servers, timeout)",
        ),
        ("dns: {xyz: 1}", "$.dns: unknown key 'xyz' (valid: dnssec, servers, timeout)"),
        (
            "lookup_timeout: 2m",
            "$.lookup_timeout: '2m' is not in the range 1s to 90s: Postfix gives up after 100 s",
        ),
        (
            "dns: {timeout: 1:30}",
            "$.dns.timeout: '1:30' is not a duration such as 5s, 10m, 12h, 1d",
        ),
        ("dns: {timeout: -1}", "$.dns.timeout: '-1' is not a duration such as 5s, 10m, 12h, 1d"),
        (
            "preload: [good.example, localhost]",
            "$.preload[1]: 'localhost' is not a mail domain such as example.com",
        ),
        (
            "preload: ['[relay.example]:587']",
            "$.preload[0]: '[relay.example]:587' is not a mail domain such as example.com",
        ),
        ("dns: {timeout: }", "$.dns.timeout: there is no value; leave the key out for the default"),
        ("dns: {timeout: [5s]}", "$.dns.timeout: a list is not a single value (duration)"),
        ("dns: {servers: 127.0.0.1}", "$.dns.servers: '127.0.0.1' is not a list"),
        ("dns: {servers: }", "$.dns.servers: there is no value; leave the key out for the default"),
        ("dns: {servers: [~]}", "$.dns.servers[0]: no value is not a single value (address)"),
        (
            "dns: {servers: ['::1', '::2', '::3', '::4']}",
            "$.dns.servers: there are 4 items, at most 3 are allowed",
        ),
        (
            "dns: [off]",
            "$.dns: a list is not a mapping with the keys dnssec, servers, timeout",
        ),
        (
            "cache: {memory_entries: 1_000}",
            "$.cache.memory_entries: '1_000' is not a whole number",
        ),
        (
            "cache: {memory_entries: 10}",
            (
                "$.cache.memory_entries: '10' is not in the range 1000 to 10000000:"
                " fewer would thrash; each takes about a kilobyte"
            ),
        ),
        (
            "refresh: {interval: 7d, forget_after: 2d}",
            (
                "$.refresh.forget_after: '2d' is shorter than refresh.interval, 7d:"
                " no policy would ever be refreshed"
            ),
        ),
        ("maps: {a: {sni: maybe}}", "$.maps.a.sni: 'maybe' is not true or false"),
        ("maps: {a: {sni: only}}", "$.maps.a.sni: 'only' is not true or false"),
        ("maps: {a: {dane: strict}}", "$.maps.a.dane: 'strict' is not true, false or only"),
        ("maps: [a]", "$.maps: a list is not a mapping of map names to options"),
        (
            "maps: {'a b': {}}",
            "$.maps: 'a b' is not a map name: 1 to 64 letters, digits, dots, hyphens, underscores",
        ),
        (
            "tcp_table_map: tslrpt",
            (
                "$.tcp_table_map: 'tslrpt' is not one of the maps"
                " default, QUERY, postfix, tlsrpt, QUERYwithTLSRPT"
            ),
        ),
        (
            "maps: {Partners: {}, partners: {}}",
            "$.maps: 'partners' is 'Partners', too: case does not count",
        ),
        (
            "maps: {querywithtlsrpt: {}, a: {}, QUERYwithTLSRPT: {}}",
            "$.maps: 'QUERYwithTLSRPT' is 'querywithtlsrpt', too: case does not count",
        ),
        ("listen: [{protocol: socketmap}]", "$.listen[0]: the key 'address' is missing"),
        (
            "listen: [{protocol: socketmap, address: 'inet:[::1]:1', mode: 0000}]",
            "$.listen[0].mode: only a unix socket has one",
        ),
        (
            (
                "listen: [{protocol: socketmap, address: 'unix:/a'},"
                " {protocol: tcp_table, address: 'unix:/a'}]"
            ),
            "$.listen[1].address: 'unix:/a' is that of $.listen[0], too",
        ),
        (
            "store: {url: 'valkey://localhost:6379/0'}",
            (
                "$.store.url: this version has no store of type 'valkey':"
                " use 'sqlite:///absolute/path'"
            ),
        ),
        ("store: {url: 'sqlite://a/b'}", "$.store.url: 'a/b' is not an absolute path of a file"),
        ("store: {url: /a/b}", "$.store.url: '/a/b' is not 'sqlite:///absolute/path'"),
        (
            "https: {allow_networks: [10.0.0.1/8]}",
            (
                "$.https.allow_networks[0]: '10.0.0.1/8' is an address in the network 10.0.0.0/8:"
                " write that one"
            ),
        ),
        ("user: 'root:root'", "$.user: 'root:root' is not the name or number of a user or group"),
        (
            "log: {level: info, level: debug}",
            "$.log: the key 'level' stands twice, in line 2 before",
        ),
        ("a: &x 1", "column 4: anchors and aliases are not supported"),
        ("a: *x", "column 4: anchors and aliases are not supported"),
        (
            "a: !!python/object/apply:os.system [x]",
            (
                "column 4: tags such as 'tag:yaml.org,2002:python/object/apply:os.system'"
                " are not supported"
            ),
        ),
        ("[" * 5_000, "column 9: nested more than 8 levels deep"),
        ("? [a]\n: 1", "column 3: a key is not text"),
        ("a: \x01", "the character U+0001 is not allowed in YAML"),
        (
            r"""store: {url: "sqlite:///\ud800"}""",
            "column 14: U+D800 in a text is no character",
        ),
        (b"b: \xff", "the file is not UTF-8"),
    ],
)
def test_a_fault_names_file_key_value_and_what_is_valid(text: str | bytes, fault: str) -> None:
    data = text.encode() if isinstance(text, str) else text
    assert faults(b"# the first line\n" + data) == [f"config.yaml:2: {fault}"]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("{}\n---\n{}", "config.yaml:2: column 1: a second document begins"),
        (r'a: "\U00110000"', r'config.yaml: an escape as in "\U00110000" stands for no character'),
        (r'a: "\Uffffffff"', r'config.yaml: an escape as in "\U00110000" stands for no character'),
        (b" " * (MAX_FILE_BYTES + 1), "config.yaml: the file is longer than 65,536 bytes"),
    ],
)
def test_a_fault_of_the_file_as_a_whole(text: str | bytes, fault: str) -> None:
    assert faults(text) == [fault]


def test_top_level_that_is_no_mapping() -> None:
    (fault,) = faults("just text")
    assert fault.startswith(
        "config.yaml: $: 'just text' is not a mapping with the keys answer, cache,"
    )


def test_tabs_are_named_as_the_cause() -> None:
    (fault,) = faults("dns:\n\ttimeout: 5s\n")
    assert fault.startswith("config.yaml:2: column 1: ")
    assert "spaces, not tabs" in fault


def test_a_syntax_error_has_line_and_column() -> None:
    (fault,) = faults("dns:\n  timeout: 5s\n servers: []\n")
    assert fault.startswith("config.yaml:3: column 2: ")


def test_all_faults_are_listed() -> None:
    text = """\
log: {level: loud}
log: {level: info}
dns:
  timeout: 5s
  timeout: 6s
lookup_timeout: 1h
nonsense: 1
maps: {a: {dane: perhaps}}
"""
    found = [fault.removeprefix("config.yaml:") for fault in faults(text)]
    assert [fault[: fault.find(": ", 4)] for fault in found] == [
        "1: $.log.level",
        "2: $",
        "5: $.dns",
        "6: $.lookup_timeout",
        "7: $",
        "8: $.maps.a.dane",
    ]
    assert found[1:3] == [
        "2: $: the key 'log' stands twice, in line 1 before",
        "5: $.dns: the key 'timeout' stands twice, in line 4 before",
    ]


def test_a_fault_is_told_with_the_line_of_its_key_or_of_the_section_that_lacks_it() -> None:
    text = """\
listen:
  -
    protocol: socketmap
    address: inet:127.0.0.1:1
  - protocol: tcp_table
  - protocol: tcp_table
    address: inet:127.0.0.1:1
    mode: 0660
dns:
  servers:
    - 127.0.0.1
    - localhost
  timeout:
    5
    s
https: {timeout: 3s,
  proxy: 5}
maps:
  a b: {}
  A:
    nonsense: 1
  a:
    dane: perhaps
refresh:
  interval: 7d
  forget_after: 2d
"""
    found = [fault.partition(":")[2].split(": ")[:2] for fault in faults(text)]
    assert [(int(line), key) for line, key in found] == [
        (5, "$.listen[1]"),
        (12, "$.dns.servers[1]"),
        (13, "$.dns.timeout"),
        (17, "$.https.proxy"),
        (19, "$.maps"),
        (21, "$.maps.A"),
        (22, "$.maps"),
    ]
    valid = text.replace("  - protocol: tcp_table\n  - ", "  - ").replace("localhost", "127.0.0.2")
    valid = valid[: valid.index("  timeout:")] + valid[valid.index("refresh:") :]
    found = [fault.partition(":")[2].split(": ")[:2] for fault in faults(valid)]
    assert [(int(line), key) for line, key in found] == [
        (6, "$.listen[1].address"),
        (7, "$.listen[1].mode"),
        (14, "$.refresh.forget_after"),
    ]
    unset = "refresh:\n  interval: 7d\n  forget_after: 2d\n".replace("2d", "6d")
    assert faults(unset)[0].startswith("config.yaml:3: $.refresh.forget_after: ")


def test_what_is_found_out_later_is_told_with_the_line_too(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text("https:\n  timeout: 3s\nuser: me\nmaps: {a.b: {sni: off}}\n")
    source = load_file(path).source
    faults = [Fault("no", key) for key in ("$.user", "$.https.ca_file", "$.store.url", "")]
    assert [str(fault) for fault in source.locate(faults)] == [
        f"{path}:3: $.user: no",
        f"{path}:1: $.https.ca_file: no",
        f"{path}: $.store.url: no",
        "no",
    ]
    assert str(load_file(None).source.fault("$.user", "no")) == "defaults: $.user: no"


@pytest.mark.parametrize("spelling", ["off", "'off'", '"off"'])
def test_a_word_is_not_taken_for_a_boolean(spelling: str) -> None:
    assert read(f"dns: {{dnssec: {spelling}}}").dns.dnssec == "off"


@pytest.mark.parametrize("spelling", ["0660", "660", "'0660'", "0o660"])
def test_a_mode_is_octal_however_it_is_written(spelling: str) -> None:
    text = f"listen: [{{protocol: socketmap, address: 'unix:/a', mode: {spelling}}}]"
    (listener,) = read(text).listen
    assert listener.mode == 0o660
    assert str(listener.mode) == "0660"


@pytest.mark.parametrize(
    ("spelling", "meant"),
    [("true", True), ("Yes", True), ("on", True), ("false", False), ("no", False), ("OFF", False)],
)
def test_booleans(spelling: str, meant: bool) -> None:
    assert read(f"maps: {{a: {{sni: {spelling}}}}}").maps["a"].sni is meant


@pytest.mark.parametrize(
    ("spelling", "seconds"), [("20", 20), ("20s", 20), ("1m", 60), ("2.5", 2.5), ("0.5m", 30)]
)
def test_durations_are_seconds(spelling: str, seconds: float) -> None:
    assert read(f"lookup_timeout: {spelling}").lookup_timeout == seconds


def test_hours_and_days() -> None:
    refresh = read("refresh: {interval: 12h, forget_after: 30d}").refresh
    assert (refresh.interval, refresh.forget_after) == (43_200.0, 2_592_000.0)


def test_null_where_a_key_may_be_unset() -> None:
    config = read("https: {ca_file: null, proxy: ~}\nstore: {url: }\nuser: null\n")
    assert config == Config()


def test_a_byte_order_mark_is_no_fault() -> None:
    assert read("\ufeffuser: mtasts\n").user == "mtasts"


def test_a_file(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text("dns:\n  servers: ['127.0.0.1', '[::1]:5353']\n")
    assert load_file(path).config == Config(
        dns=DnsConfig(servers=(NameServer("127.0.0.1"), NameServer("::1", 5353)))
    )


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    missing = tmp_path / "missing.yaml"
    with pytest.raises(ConfigError, match="cannot be read: No such file or directory") as caught:
        load_file(missing)
    assert str(caught.value).startswith(f"{missing}: ")
    with pytest.raises(ConfigError, match="cannot be read: Is a directory"):
        load_file(tmp_path)


def test_an_endless_file_is_not_read_to_its_end() -> None:
    with pytest.raises(ConfigError, match="/dev/zero: the file is longer than 65,536 bytes"):
        load_file(Path("/dev/zero"))


@pytest.mark.parametrize(
    "text",
    [
        *("https: {proxy: URL99}", "https: {proxy: [URL]}", "https: {proxi: URL}", "https: URL"),
        *("https: {ca_file: URL}", "store: {url: URL}", "proxy: URL", "URL: 1", "https: {URL: 1}"),
        *("https: {proxy: {URL: 1}}", "https: {allow_networks: URL}", "https: {proxy: URL/x}"),
        *("dns: {servers: [URL]}", "listen: [{protocol: URL, address: URL}]", "URL", "user: URL"),
        *("maps: {URL: {}}", "lookup_timeout: URL", "maps: {a: {sni: URL}}", "{URL: 1, URL: 2}"),
    ],
)
@pytest.mark.parametrize("password", ["secret", "secret" * 20, "se@cret", "secret/?"])
def test_the_password_of_a_proxy_is_quoted_nowhere(text: str, password: str) -> None:
    url = f"'http://me:{password}@proxy.example:3128"
    for fault in faults(re.sub("URL([^ :,}\\]]*)", lambda found: f"{url}{found[1]}'", text)):
        assert "cret" not in fault


def test_hostile_keys_cannot_forge_a_line() -> None:
    text = '"a\\nb": {x: 1, x: 2}\n'
    assert all("\n" not in fault for fault in faults(text))


def test_a_url_is_shown_without_its_password_whatever_that_holds() -> None:
    assert shown("http://me:a\n@b@proxy:1") == "'http://***@proxy:1'"
    assert shown("me@proxy") == "'me@proxy'"


def test_the_kernel_may_choose_several_ports() -> None:
    listener = "{protocol: socketmap, address: 'inet:127.0.0.1:0'}"
    assert len(read(f"listen: [{listener}, {listener}]").listen) == 2


class TestMaps:
    def test_the_built_in_maps(self) -> None:
        config = Config()
        for name in ("default", "QUERY", "postfix", "anything"):
            assert config.map_options(name) == MapOptions()
        for name in ("tlsrpt", "QUERYwithTLSRPT"):
            assert config.map_options(name) == MapOptions(tlsrpt=True)

    def test_what_is_unset_comes_from_default_or_the_built_in_map(self) -> None:
        config = read(
            "maps:\n"
            "  partners: {dane: false}\n"  # before default: the order does not matter
            "  tlsrpt: {sni: false}\n"
            "  default: {testing: enforce}\n"
        )
        assert config.map_options("anything") == MapOptions(testing="enforce")
        assert config.map_options("QUERY") == MapOptions(testing="enforce")
        assert config.map_options("partners") == MapOptions(testing="enforce", dane=False)
        tlsrpt = MapOptions(testing="enforce", sni=False, tlsrpt=True)
        assert config.map_options("tlsrpt") == tlsrpt
        assert config.map_options("QUERYwithTLSRPT") == tlsrpt

    @pytest.mark.parametrize(
        ("written", "meant"),
        [("true", True), ("Yes", True), ("off", False), ("only", "only"), ('"Only"', "only")],
    )
    def test_dane_is_a_switch_or_only(self, written: str, meant: bool | str) -> None:
        config = read(f"maps: {{default: {{dane: {written}}}, partners: {{dane: false}}}}")
        assert config.map_options("tlsrpt").dane == meant
        assert config.map_options("partners").dane is False

    def test_a_built_in_map_can_be_overridden(self) -> None:
        config = read("maps: {QUERYwithTLSRPT: {tlsrpt: false}, QUERY: {sni: false}}")
        assert config.map_options("QUERYwithTLSRPT") == MapOptions()
        assert config.map_options("QUERY") == MapOptions(sni=False)
        assert config.map_options("postfix") == MapOptions()

    def test_case_does_not_count(self) -> None:
        config = read(
            "maps: {queryWITHtlsrpt: {sni: false}, Default: {testing: enforce}, Partners: {}}\n"
            "tcp_table_map: PARTNERS"
        )
        assert config.map_options("QUERYwithTLSRPT") == MapOptions(
            testing="enforce", sni=False, tlsrpt=True
        )
        assert config.map_options("query") == MapOptions(testing="enforce")
        assert config.tcp_table_map in config.all_maps()
        names = {"default", "query", "postfix", "tlsrpt", "querywithtlsrpt", "partners"}
        assert config.all_maps().keys() == names

    def test_the_map_of_tcp_table_may_be_configured_or_built_in(self) -> None:
        assert read("tcp_table_map: tlsrpt").tcp_table_map == "tlsrpt"
        assert read("tcp_table_map: a\nmaps: {a: {}}").tcp_table_map == "a"


@given(st.binary(max_size=300))
def test_any_bytes_are_a_configuration_or_a_config_error(data: bytes) -> None:
    assert all(line.startswith("config.yaml:") for line in faults_if_any(data))


KEYS = ["listen", "maps", "dns", "servers", "timeout", "tlsrpt", "user", "url", "store", "a", "<<"]
SCALARS = st.sampled_from(["1", "5s", "~", "off", "''", "inet:[::1]:1", "'\\0'", "9" * 400, "x y"])
TREES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda items: f"[{', '.join(items)}]")
        | st.lists(st.tuples(st.sampled_from(KEYS), inner), max_size=4).map(
            lambda pairs: "{" + ", ".join(f"{name}: {value}" for name, value in pairs) + "}"
        )
    ),
    max_leaves=12,
)


@given(TREES)
def test_any_tree_is_a_configuration_or_a_config_error(text: str) -> None:
    assert all("\n" not in line for line in faults_if_any(text.encode()))
