"""The line of main.cf that changes, and the steps there and back."""

import pytest
from msgspec.structs import replace

from mtasts_resolver.config import Address, Config, InetAddress, MapOptions, UnixAddress
from mtasts_resolver.doctor.instance import MasterService, PostfixInstance
from mtasts_resolver.migration.maincf import AskedThere, dnssec_lines, find_asked
from mtasts_resolver.migration.steps import (
    Moving,
    Remaining,
    socket_lines,
    steps_back,
    steps_there,
)
from mtasts_resolver.migration.takeover import Takeover, take_address

OURS = InetAddress("127.0.0.1", 8461)
TLSPOL = InetAddress("127.0.0.1", 8642)
TABLES = "smtp_tls_policy_maps"


def postfix(
    value: str, *, version: str = "3.10.5", chroot: bool = False, service_value: str = ""
) -> PostfixInstance:
    values = {TABLES: value, "queue_directory": "/var/spool/postfix"}
    own = {TABLES: service_value} if service_value else {}
    services = [
        MasterService(name="smtp", type="unix", chroot=chroot, program="smtp", values=values)
    ]
    services += [
        MasterService(
            name="other",
            type="unix",
            chroot=chroot,
            program="smtp",
            overrides=own,
            values=values | own,
        )
    ] * bool(own)
    return PostfixInstance(
        config_directory="/etc/postfix",
        is_default=True,
        version_text=version,
        written={TABLES: value},
        values=values,
        services=tuple(services),
    )


def asked(
    instance: PostfixInstance,
    theirs: Address = TLSPOL,
    ours: Address = OURS,
    **maps: MapOptions,
) -> list[AskedThere]:
    return list(find_asked(instance, theirs, ours, Config(maps=maps)))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("socketmap:inet:127.0.0.1:8642:QUERY", "socketmap:inet:127.0.0.1:8461:QUERY"),
        ("socketmap:inet:localhost:8642:Q.x", "socketmap:inet:127.0.0.1:8461:Q.x"),
        (
            "hash:/etc/postfix/tls_policy, proxy:socketmap:inet:127.0.0.1:8642:QUERYwithTLSRPT",
            "hash:/etc/postfix/tls_policy, proxy:socketmap:inet:127.0.0.1:8461:QUERYwithTLSRPT",
        ),
        (
            "inline:{ {a.example = none} } socketmap:inet:127.0.0.1:8642:QUERY,texthash:/x",
            "inline:{ {a.example = none} }, socketmap:inet:127.0.0.1:8461:QUERY, texthash:/x",
        ),
    ],
)
def test_ours_is_asked_where_theirs_was_and_other_tables_stay(before: str, after: str) -> None:
    (one,) = asked(postfix(before))
    assert (one.before, one.after) == (before, after)
    assert one.change == (f"postconf -e '{TABLES} = {after}'",)
    assert one.back == (f"postconf -e '{TABLES} = {before}'",)


def test_with_their_address_main_cf_stays_as_it_is() -> None:
    value = "socketmap:inet:127.0.0.1:8461:postfix hash:/x"
    (one,) = asked(postfix(value), OURS, OURS)
    assert (one.after, one.change, one.back) == (value, (), ())


@pytest.mark.parametrize("chroot", [True, False])
def test_a_socket_is_found_by_its_name_within_the_queue_directory(*, chroot: bool) -> None:
    theirs = UnixAddress("/var/spool/postfix/mta-sts.sock")
    names = ["mta-sts.sock", "/mta-sts.sock" if chroot else "/var/spool/postfix/mta-sts.sock"]
    for name in names:
        (one,) = asked(postfix(f"socketmap:unix:{name}:postfix", chroot=chroot), theirs)
        assert one.after == "socketmap:inet:127.0.0.1:8461:postfix"
        (kept,) = asked(postfix(f"socketmap:unix:{name}:postfix", chroot=chroot), theirs, theirs)
        assert kept.change == ()


def test_an_older_postfix_asks_a_map_whose_answers_it_can_read() -> None:
    value = "socketmap:inet:127.0.0.1:8642:QUERYwithTLSRPT"
    (one,) = asked(postfix(value, version="3.7.11"))
    assert one.after == "socketmap:inet:127.0.0.1:8461:default"
    strict = MapOptions(tlsrpt=True, testing="enforce")
    plain = MapOptions(testing="enforce")
    value = "socketmap:inet:127.0.0.1:8642:strict"
    (one,) = asked(postfix(value, version="3.7.11"), strict=strict, plain=plain)
    assert one.after == "socketmap:inet:127.0.0.1:8461:plain"


def test_a_service_that_asks_for_itself_is_changed_for_itself() -> None:
    of_service = "socketmap:inet:127.0.0.1:8642:strict"
    main, service = asked(postfix("socketmap:inet:127.0.0.1:8642:QUERY", service_value=of_service))
    assert main.about == TABLES
    assert service.about == f"{TABLES} of other/unix"
    line = f"postconf -P other/unix/{TABLES}=socketmap:inet:127.0.0.1:8461:strict"
    assert service.change == (line,)


@pytest.mark.parametrize("value", ["", "hash:/x", "socketmap:inet:127.0.0.1:9999:QUERY"])
def test_where_theirs_is_not_asked_nothing_changes(value: str) -> None:
    assert asked(postfix(value)) == []


def test_within_another_table_no_line_can_change_it() -> None:
    (one,) = asked(postfix("unionmap:{hash:/x, socketmap:inet:127.0.0.1:8642:QUERY}"))
    assert "name it alone" in one.by_hand
    assert one.change == ()
    moving = replace(MOVING, asked=(one,))
    assert "ask it by hand, and reload it: smtp_tls_policy_maps." in steps_there(moving)[-1].words
    assert not any("disable" in line for line in lines(moving)), "mail would stop"
    (one,) = asked(postfix("unionmap:{socketmap:inet:127.0.0.1:8642:QUERY}"), TLSPOL, TLSPOL)
    assert (one.by_hand, one.change) == ("", ())


def test_a_dollar_that_a_table_holds_is_none_of_a_name() -> None:
    own = "pcre:{ {/a$/ may} }"
    theirs, ours = (f"{own}, socketmap:inet:127.0.0.1:{port}:QUERY" for port in (8642, 8461))
    (one,) = asked(postfix(theirs))
    assert one.change == (f"postconf -e '{TABLES} = {ours.replace('$', '$$')}'",)


def test_dane_needs_a_line_where_main_cf_has_it_not() -> None:
    instance = postfix("")
    assert dnssec_lines(instance) == ("postconf -e 'smtp_dns_support_level = dnssec'",)
    with_dnssec = replace(instance, values={"smtp_dns_support_level": "dnssec"})
    assert dnssec_lines(with_dnssec) == ()


# -- steps -----------------------------------------------------------------------------------------

MOVING = Moving(
    again="mtasts-resolver migrate --write",
    configuration=Remaining.TO_WRITE,
    bring="mtasts-resolver migrate --write",
    same_address=False,
    units=("theirs.service",),
    asked=(AskedThere(about="", before="a", after="b", change=("to-b",), back=("to-a",)),),
    reload=("postfix reload",),
)


def lines(moving: Moving) -> list[str]:
    return [line for step in steps_there(moving) for line in step.commands]


def back(moving: Moving) -> list[str]:
    return [line for step in steps_back(moving) for line in step.commands]


def order(found: list[str], *wanted: str) -> bool:
    places = [next(n for n, line in enumerate(found) if word in line) for word in wanted]
    return places == sorted(places)


def test_both_run_until_postfix_asks_ours() -> None:
    assert order(lines(MOVING), "migrate", "start mtasts", "to-b", "reload", "--now theirs")
    assert order(back(MOVING), "--now theirs", "to-a", "reload", "--now mtasts")


def test_at_one_address_the_one_is_stopped_before_the_other_starts() -> None:
    moving = replace(MOVING, same_address=True, asked=(), bring="")
    assert order(lines(moving), "migrate", "disable --now theirs", "start mtasts", "doctor")
    assert order(back(moving), "disable --now mtasts", "enable --now theirs")


def test_what_is_done_is_no_step_any_more() -> None:
    done = replace(MOVING, configuration=Remaining.DONE, bring="")
    assert not any("migrate" in line for line in lines(done))
    assert lines(replace(done, running=True))[0] == "to-b"
    by_hand = replace(MOVING, configuration=Remaining.BY_HAND, bring="")
    assert lines(by_hand)[0] == "mtasts-resolver config check"


def test_dane_is_let_in_before_ours_answers() -> None:
    moving = replace(MOVING, dnssec=("support-dnssec",), same_address=True)
    assert order(lines(moving), "support-dnssec", "reload", "disable --now", "start mtasts")


def test_systemd_listens_where_the_configuration_says() -> None:
    taken = Takeover(keep_address=True)
    take_address(UnixAddress("/run/a %b.sock"), [], taken, "0660")
    written = " ".join(socket_lines(taken))
    reached = "SocketMode=0660 SocketUser=postfix SocketGroup=postfix"
    assert f"ListenStream= 'ListenStream=/run/a %%b.sock' {reached} > /etc/systemd" in written
    for_all = Takeover(keep_address=True)
    take_address(UnixAddress("/run/sock"), [], for_all, "0666")
    assert "ListenStream=/run/sock SocketMode=0666 > /etc" in " ".join(socket_lines(for_all))
    assert socket_lines(Takeover(keep_address=False)) == ()


def test_systemd_is_told_no_name_for_it_would_not_listen() -> None:
    taken = Takeover(keep_address=True)
    take_address(InetAddress("localhost", 8999), [], taken)
    assert "ListenStream=127.0.0.1:8999 " in " ".join(socket_lines(taken))
    with pytest.raises(ValueError, match="write its IP address"):
        take_address(InetAddress("mail.example", 8999), [], taken)
