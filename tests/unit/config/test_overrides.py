"""Overrides and observe mode in the configuration."""

import pytest

from mtasts_resolver.config import Config, ConfigError, changes, parse_config
from mtasts_resolver.config.sections.overrides import MAX_OVERRIDES
from mtasts_resolver.postfix.override import Override


def read(text: str) -> Config:
    return parse_config(text.encode(), "config.yaml").config


def faults(text: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        read(text)
    return [str(fault) for fault in caught.value.faults]


def test_an_override_has_a_pattern_an_action_a_reason_and_an_end() -> None:
    config = read(
        "overrides:\n"
        "  Partner.example.: {action: skip, reason: their certificate, until: 2026-12-31}\n"
        "  .b.example:\n    policy: secure  match=nexthop\n    reason: a  b\n"
        '  "[relay.example]:submission": {action: live, reason: c, until: 2027-01-01T06:00+01:00}\n'
    )
    assert config.all_overrides() == (
        Override(
            pattern="partner.example",
            action="skip",
            reason="their certificate",
            until=1_798_761_599.0,
        ),
        Override(pattern=".b.example", action="policy", text="secure match=nexthop", reason="a b"),
        Override(pattern="[relay.example]:587", action="live", reason="c", until=1_798_779_600.0),
    )


@pytest.mark.parametrize(
    ("lines", "line", "fault"),
    [
        (["overrides: [a]"], 1, "$.overrides: a list is not a mapping of patterns to options"),
        (["overrides:", "  a.example:"], 2, "$.overrides.a.example: the key 'reason' is missing"),
        (
            ["overrides:", "  a.example: {action: skip, reason: ' '}"],
            2,
            "$.overrides.a.example.reason: ' ': it is empty: say why, for whoever reads it in a y",
        ),
        (
            ["overrides:", "  a.example: {reason: r}"],
            2,
            "$.overrides.a.example: one of the keys 'action' and 'policy' is needed, and not both",
        ),
        (
            ["overrides:", "  a.example: {action: skip, policy: may, reason: r}"],
            2,
            "$.overrides.a.example: one of the keys 'action' and 'policy' is needed, and not both",
        ),
        (
            ["overrides:", "  a.example:", "    reason: r", "    policy: encrypt match=a.example"],
            4,
            "$.overrides.a.example.policy: 'encrypt match=a.example': match cannot stand at the l",
        ),
        (
            ["overrides:", "  a.example:", "    reason: r", "    action: none"],
            4,
            "$.overrides.a.example.action: 'none' is not one of skip, encrypt, dane, dane-only, l",
        ),
        (
            [
                "overrides:",
                "  a.example: {action: skip, reason: r}",
                "  A.example.: {action: skip, reason: r}",
            ],
            3,
            "$.overrides: 'A.example.' is 'a.example', too: both mean the same next hops",
        ),
        (
            ["overrides:", "  '*.a.example': {action: skip, reason: r}"],
            2,
            "$.overrides: '*.a.example': for all that is below a domain write '.a.example'",
        ),
        (
            ["overrides:", "  a.example: {action: skip, reason: r, until: 31.12.2026}"],
            2,
            "$.overrides.a.example.until: '31.12.2026': it is not a date such as 2026-12-31, or a",
        ),
        (
            ["overrides:", "  a.example: {action: skip, reason: r, until: 2026-12-31 18:00}"],
            2,
            "$.overrides.a.example.until: '2026-12-31 18:00': its time zone is missing: write Z a",
        ),
        (
            ["overrides:", "  a.example: {action: skip, reason: r, until: 2026-02-30}"],
            2,
            "$.overrides.a.example.until: '2026-02-30': day is out of range for month",
        ),
        (["answer: no"], 1, "$.answer: 'no' is not one of live, observe"),
    ],
)
def test_a_fault_names_the_line_the_key_and_what_would_be_valid(
    lines: list[str], line: int, fault: str
) -> None:
    found = faults("\n".join(lines))
    assert len(found) == 1
    assert found[0].startswith(f"config.yaml:{line}: {fault}")


def test_there_is_room_for_as_many_as_can_be_known() -> None:
    lines = [f"  a{number}.example: {{action: skip, reason: r}}" for number in range(MAX_OVERRIDES)]
    text = "\n".join(["overrides:", *lines])
    assert len(read(text).overrides) == MAX_OVERRIDES
    assert faults(f"{text}\n  b.example: {{action: skip, reason: r}}") == [
        "config.yaml:1: $.overrides: there are 1001 patterns, at most 1000 are allowed"
    ]


def test_a_reload_applies_them_and_names_those_that_changed() -> None:
    old = read("overrides: {a.example: {action: skip, reason: r}}")
    new = read(
        "answer: observe\noverrides:\n"
        "  a.example: {action: encrypt, reason: r}\n  b.example: {action: skip, reason: r}\n"
    )
    found = changes(old, new)
    assert found.applied == ("answer", "overrides.a.example.action", "overrides.b.example")
    assert found.restart == ()


def test_a_map_answers_as_it_says_itself_or_as_all_do() -> None:
    config = read(
        "answer: observe\nmaps: {pilot: {answer: live}, default: {sni: false}, quiet: {}}"
    )
    assert observing(config) == {
        "default": True,
        "query": True,
        "postfix": True,
        "tlsrpt": True,
        "querywithtlsrpt": True,
        "pilot": False,
        "quiet": True,
    }
    assert not any(observing(Config()).values())
    only_default = observing(read("maps: {default: {answer: observe}, pilot: {answer: live}}"))
    assert (only_default["tlsrpt"], only_default["pilot"]) == (True, False)


def observing(config: Config) -> dict[str, bool]:
    return {name: config.observes(options) for name, options in config.all_maps().items()}
