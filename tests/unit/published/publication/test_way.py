"""Which steps there are, which is next, and what each leaves out there."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from mtasts_resolver.policy import Mode, matches, parse_document
from mtasts_resolver.published.observed import Observed, SeenFailure, SeenTls
from mtasts_resolver.published.publication import (
    Publication,
    PublicationError,
    PublishingStep,
    Way,
    Wishes,
    find_differences,
    find_way,
)
from tests.unit.published.publication.seen import (
    DAY,
    FRESH,
    NOW,
    OLD,
    REPORTS,
    SITE,
    document,
    domain,
    served,
)

MX, NEW = "mx.example.com", "new.example.com"
TESTING = document("testing", MX)
ENFORCED = document("enforce", MX, max_age=7 * DAY)
LASTING = document("enforce", MX, max_age=30 * DAY)


def way(seen: Observed, written: Publication | None = None, **wishes: object) -> Way:
    return find_way(seen, Wishes(**wishes), SITE, NOW, written)  # type: ignore[arg-type]


def names(found: Way) -> list[str]:
    return [step.name for step in found.steps]


def next_step(found: Way) -> PublishingStep:
    assert found.next_step is not None
    return found.next_step


def publication(step: PublishingStep) -> Publication:
    assert step.publication is not None
    return step.publication


def text(step: PublishingStep) -> str:
    return "\n".join([step.first, *(part.text for part in step.parts), step.then])


FORWARD = ["serve", "announce", "enforce", "lengthen"]


@pytest.mark.parametrize(
    ("seen", "following"),
    [
        (domain(MX), "serve"),
        (domain(MX, policy=TESTING, policy_id=None), "announce"),
        (domain(MX, policy=TESTING, records=("v=STSv1; id=;",)), "announce"),
        (domain(MX, policy=document("testing", NEW), policy_id=None), "serve"),
        (domain(MX, policy=TESTING), "enforce"),
        (domain(MX, policy=TESTING, reports=()), "announce"),
        (domain(MX, policy=ENFORCED, reports=()), "lengthen"),
        (domain(MX, policy=ENFORCED), "lengthen"),
    ],
)
def test_the_way_there(seen: Observed, following: str) -> None:
    found = way(seen)
    assert names(found) == FORWARD
    assert next_step(found).name == following


def test_there_is_an_end() -> None:
    found = way(domain(MX, policy=LASTING))
    assert names(found) == ["serve", "announce", "enforce"]
    assert found.next_step is None
    assert found.present.policy.document == LASTING
    assert found.written_at(None) is found.present


def test_from_nothing_each_step_has_its_policy_and_an_id_of_its_own() -> None:
    found = way(domain(MX))
    policies = [publication(step) for step in found.steps]
    assert [(each.policy.mode, each.policy.max_age) for each in policies] == [
        (Mode.TESTING, DAY),
        (Mode.TESTING, DAY),
        (Mode.ENFORCE, 7 * DAY),
        (Mode.ENFORCE, 30 * DAY),
    ]
    ids = [each.policy_id for each in policies]
    assert ids == [FRESH, FRESH, "20261126140001Z", "20261126140002Z"]
    assert [record.line for record in policies[0].records] == [
        f'_mta-sts.example.com. 3600 IN TXT "v=STSv1; id={FRESH};"',
        '_smtp._tls.example.com. 3600 IN TXT "v=TLSRPTv1; rua=mailto:tls-reports@example.com"',
    ]


def test_an_id_stays_while_the_document_does_and_changes_with_it() -> None:
    found = way(domain(MX, policy=TESTING))
    assert found.present.policy_id == OLD
    assert publication(next_step(found)).policy_id == FRESH
    assert way(domain(MX, policy=TESTING), new_id=True).present.policy_id == FRESH
    assert names(way(domain(MX, policy=TESTING), new_id=True))[0] == "change"


def test_a_document_that_means_the_same_stays_as_its_owner_wrote_it() -> None:
    own = f"version: STSv1\nmode: testing\nmax_age: {DAY}\nmx: {MX}\nowner: we\n"
    found = way(domain(MX, policy=own))
    assert found.present.policy.document == own
    assert found.present.policy_id == OLD


def test_a_document_that_a_terminal_could_stumble_over_is_written_anew_with_its_id() -> None:
    own = f"version: STSv1\nmode: testing\nmax_age: {DAY}\nmx: {MX}\nx: \u202e\x9b2J\n"
    found = way(domain(MX, policy=own))
    assert found.present.policy.document == TESTING
    assert found.present.policy_id == OLD


def test_a_policy_that_senders_do_not_take_now_is_served_again_as_it_was() -> None:
    expired = SeenTls(version="TLSv1.3", cipher="", failure=SeenFailure("certificate-expired", "x"))
    addresses = (replace(served(LASTING), tls=expired),)
    found = way(domain(MX, policy=LASTING, addresses=addresses))
    assert names(found) == ["repair"]
    assert "and get none: mta-sts.example.com (192.0.2.1): x" in next_step(found).first
    assert publication(next_step(found)).policy.document == LASTING
    assert publication(next_step(found)).policy_id == OLD
    assert publication(way(domain(MX, policy=LASTING, addresses=addresses), retire=True).steps[0])


def test_a_policy_that_nobody_can_see_is_not_replaced_by_a_weaker_one() -> None:
    lost = domain(MX, records=(f"v=STSv1; id={OLD};",))
    found = way(lost)
    assert found.guessed
    assert names(found) == ["repair"]
    assert next_step(found).publication is None
    assert "printf" not in text(next_step(found))
    assert [each.about for each in find_differences(lost, found.present, guessed=True)] == [
        "mta-sts.example.com",
        "TXT _smtp._tls.example.com",
    ]
    asked = way(lost, mode=Mode.ENFORCE)
    assert not asked.guessed
    assert next_step(asked).name == "serve"
    assert publication(next_step(asked)).policy.mode is Mode.ENFORCE
    assert publication(next_step(asked)).policy_id == FRESH
    assert next_step(asked).then == ""


@pytest.mark.threat("words-in-shell")
def test_words_of_a_document_stay_words_in_a_shell() -> None:
    own = f"version: STSv1\nmode: testing\nmax_age: {DAY}\nmx: {MX}\nx: ';reboot;'\n"
    step = way(domain(MX, policy=own)).steps[0]
    assert """'x: '"'"';reboot;'"'"''""" in text(step)


def test_what_was_written_before_keeps_its_id_on_the_way_out_there() -> None:
    """The file is in place, the record is not yet."""
    before = publication(next_step(way(domain(MX, policy=TESTING))))
    served_already = domain(MX, policy=before.policy.document)
    assert way(served_already).present.policy_id == OLD
    assert way(served_already, before).present.policy_id == before.policy_id


def test_an_id_that_is_out_there_with_another_document_is_used_up() -> None:
    before = publication(next_step(way(domain(MX, policy=TESTING))))
    announced_first = domain(MX, policy=TESTING, policy_id=before.policy_id)
    assert publication(next_step(way(announced_first, before))).policy_id > before.policy_id


def test_an_older_id_that_was_written_before_does_not_come_back() -> None:
    before = way(domain(MX)).present
    later = domain(MX, policy=TESTING, policy_id="20270101000000Z")
    assert way(later, before).present.policy_id == "20270101000000Z"


def test_reports_go_on_going_where_they_go() -> None:
    uris = ("mailto:a@reports.example", "ftp://reports.example/")
    seen = domain(MX, reports=(f"v=TLSRPTv1; rua={','.join(uris)}",))
    assert way(seen).present.reports == uris[:1]
    wished = ("mailto:b@reports.example",)
    assert way(seen, reports=wished).present.reports == wished
    assert "b@reports.example takes mail" in way(seen, reports=wished).steps[1].then


def test_who_never_asked_for_reports_does_so_with_the_next_change() -> None:
    lines = [
        text(next_step(way(domain(MX, policy=ENFORCED, reports=reports)))) for reports in (None, ())
    ]
    assert ["TLSRPTv1" in line for line in lines] == [False, True]


def test_no_second_record_of_a_kind_is_written() -> None:
    def zone(seen: Observed, *reports: str) -> tuple[str, str]:
        step = way(seen, reports=reports).steps[1]
        return step.parts[0].title, step.parts[0].text

    title, lines = zone(domain(MX))
    assert title == "into the zone"
    assert lines.count("\n") == 2
    title, lines = zone(domain(MX, reports=(REPORTS,)))
    assert title == "into the zone"
    assert "TLSRPT" not in lines
    title, lines = zone(domain(MX, reports=(REPORTS,)), "mailto:b@example.com")
    assert title == "into the zone, in place of what is there"
    assert "rua=mailto:b@example.com" in lines


def test_an_id_may_be_asked_for() -> None:
    found = way(domain(MX, policy=TESTING), policy_id="2")
    assert names(found)[0] == "change"
    assert publication(next_step(found)).policy_id == "2"
    assert way(domain(MX, policy=TESTING), policy_id=OLD).present.policy_id == OLD
    assert next_step(way(domain(MX, policy=TESTING), policy_id=OLD)).name == "enforce"


def test_a_step_is_verified_by_what_is_in_it_and_nothing_else() -> None:
    step = next_step(way(domain(MX, policy=ENFORCED), mx=(MX, "*.example.net")))
    assert step.verify[0] == (
        f"mtasts-resolver publish --verify example.com --mode enforce --max-age {7 * DAY}"
        f" --id {FRESH} --mx {MX} --mx '*.example.net'"
    )


# -- as it was asked for -----------------------------------------------------------------------


def test_a_mode_and_a_max_age_may_be_asked_for() -> None:
    found = way(domain(MX), mode=Mode.ENFORCE, max_age=DAY)
    assert names(found) == ["serve", "announce", "lengthen"]
    assert publication(next_step(found)).policy.document == document("enforce", MX)
    assert "hold mail" in found.steps[1].then

    found = way(domain(MX, policy=TESTING), mode=Mode.ENFORCE, max_age=60 * DAY)
    assert names(found) == ["enforce"]
    assert publication(next_step(found)).policy.max_age == 60 * DAY

    found = way(domain(MX, policy=LASTING), max_age=DAY)
    assert names(found) == ["change", "lengthen"]
    assert publication(next_step(found)).policy.mode is Mode.ENFORCE

    found = way(domain(MX, policy=LASTING), mode=Mode.TESTING)
    assert names(found) == ["change"]
    assert publication(next_step(found)).policy.document == TESTING


def test_what_was_asked_for_and_is_there_is_no_step() -> None:
    found = way(domain(MX, policy=TESTING), mode=Mode.TESTING)
    assert next_step(found).name == "enforce"
    assert found.present.policy.document == TESTING


def test_a_withdrawn_policy_can_begin_again() -> None:
    found = way(domain(MX, policy=document("none")), mode=Mode.TESTING)
    assert names(found) == FORWARD
    assert next_step(found).name == "serve"
    assert publication(next_step(found)).policy.document == TESTING


def test_without_an_mx_host_there_is_nothing_to_name() -> None:
    with pytest.raises(PublicationError, match="--mx"):
        way(domain())
    assert way(domain(), mx=(NEW,)).present.policy.mx == (NEW,)


# -- the policy host ---------------------------------------------------------------------------


def test_the_name_of_the_policy_host_is_shown_where_it_is_lacking() -> None:
    assert ";mta-sts.example.com. 3600 IN A 192.0.2.1" in text(way(domain(MX)).steps[0])
    there = domain(MX, policy=TESTING, policy_id=None)
    assert "IN A" not in text(way(there).steps[0])
    alias = "mta-sts.example.com. 3600 IN CNAME web.example.net."
    assert alias in text(way(there, policy_host="web.example.net").steps[0])


# -- other MX hosts ----------------------------------------------------------------------------


def test_new_hosts_are_in_the_policy_for_its_max_age_before_mail_moves() -> None:
    found = way(domain(MX, policy=ENFORCED), mx=(NEW,))
    assert names(found) == ["name-hosts", "move-mail", "drop-hosts"]
    first, move, last = found.steps
    assert publication(first).policy.mx == (MX, NEW)
    assert publication(first).policy.max_age == 7 * DAY
    assert "Wait 8d " in first.then
    assert move.publication is None
    assert f"example.com. 3600 IN MX 10 {NEW}." in text(move)
    assert publication(last).policy.mx == (NEW,)

    assert "may move now" in next_step(way(domain(MX, policy=TESTING), mx=(NEW,))).then

    named = domain(MX, policy=document("enforce", MX, NEW, max_age=7 * DAY))
    assert names(way(named, mx=(NEW,))) == ["move-mail", "drop-hosts"]

    moved = domain(NEW, policy=document("enforce", MX, NEW, max_age=7 * DAY))
    for found in (way(moved), way(moved, mx=(NEW,))):
        assert names(found) == ["drop-hosts"]
        assert publication(next_step(found)).policy.mx == (NEW,)

    done = domain(NEW, policy=document("enforce", NEW, max_age=7 * DAY))
    assert next_step(way(done)).name == "lengthen"


def test_mail_that_has_moved_too_early_is_told_of() -> None:
    found = way(domain(NEW, policy=ENFORCED))
    assert names(found) == ["name-hosts", "drop-hosts"]
    assert f"hold mail for {NEW} now" in next_step(found).first
    assert found.patterns.outside == (NEW,)
    assert found.patterns.hostless == (MX,)


def test_an_additional_host_needs_one_step() -> None:
    found = way(domain(MX, policy=ENFORCED), mx=(MX, NEW))
    assert names(found) == ["name-hosts"]
    assert publication(next_step(found)).policy.mx == (MX, NEW)


def test_a_wildcard_stays_as_its_owner_chose_it_until_another_is_asked_for() -> None:
    seen = domain(MX, NEW, policy=document("enforce", "*.example.com", max_age=30 * DAY))
    assert way(seen).next_step is None
    found = way(seen, mx=(MX, NEW))
    assert names(found) == ["drop-hosts"]
    assert publication(next_step(found)).policy.mx == (MX, NEW)


# -- and back ----------------------------------------------------------------------------------


def test_the_way_back() -> None:
    found = way(domain(MX, policy=LASTING), retire=True)
    assert names(found) == ["withdraw", "remove-record", "remove-file"]
    step = next_step(found)
    assert publication(step).policy.document == document("none")
    assert publication(step).policy_id == FRESH
    assert "Wait 31d," in step.then
    assert "mode none for 31d" in found.steps[1].first
    assert "gone for 2d" in found.steps[2].first


@pytest.mark.parametrize(
    ("seen", "following"),
    [
        (domain(MX, policy=document("none")), "remove-record"),
        (domain(policy=document("none")), "remove-record"),
        (domain(MX, policy=document("none"), policy_id=None), "remove-file"),
        # The record went too early: those that have the policy must learn of another.
        (domain(MX, policy=LASTING, policy_id=None), "withdraw"),
        (domain(MX, records=("v=STSv1; id=1;",)), "withdraw"),
        (domain(MX, policy=document("none"), records=("v=STSv1;",)), "withdraw"),
    ],
)
def test_where_on_the_way_back_a_domain_is(seen: Observed, following: str) -> None:
    assert next_step(way(seen, retire=True)).name == following


def test_a_withdrawn_policy_is_on_the_way_back_without_being_asked() -> None:
    assert next_step(way(domain(MX, policy=document("none")))).name == "remove-record"


def test_where_nothing_is_nothing_need_go() -> None:
    found = way(domain(), retire=True)
    assert (names(found), found.next_step) == ([], None)


# -- whatever is out there ---------------------------------------------------------------------

HOSTS = st.lists(st.sampled_from([MX, NEW, "a.mx.example.net"]), unique=True, min_size=1)
PATTERNS = st.lists(
    st.sampled_from([MX, NEW, "*.example.com", "*.mx.example.net", "old.example.org"]),
    unique=True,
    min_size=1,
)


@given(
    hosts=HOSTS,
    published=PATTERNS,
    wished=st.just(()) | PATTERNS.map(tuple),
    mode=st.sampled_from(["testing", "enforce", "none", ""]),
    max_age=st.sampled_from([0, DAY, 30 * DAY]),
    policy_id=st.sampled_from([None, OLD, "20270101000000Z"]),
    asked=st.sampled_from([None, *Mode]),
    retire=st.booleans(),
)
def test_no_step_ever_holds_mail_for_a_host_that_gets_it(
    *,
    hosts: list[str],
    published: list[str],
    wished: tuple[str, ...],
    mode: str,
    max_age: int,
    policy_id: str | None,
    asked: Mode | None,
    retire: bool,
) -> None:
    policy = document(mode, *published, max_age=max_age) if mode else None
    seen = domain(*hosts, policy=policy, policy_id=policy_id)
    found = way(seen, mx=wished, mode=asked, retire=retire)
    step = found.next_step
    out_there = found.written_at(step)
    read = parse_document(out_there.policy.document.encode())
    assert read == out_there.policy
    if read.mode is not Mode.NONE:
        assert all(any(matches(host, mx) for mx in read.mx) for host in hosts)
    if policy is not None and read != parse_document(policy.encode()):
        assert out_there.policy_id != policy_id
    for later in found.steps[found.next or 0 :]:
        if later.publication is not None and later.name != "drop-hosts" and not retire:
            assert later.publication.policy.mode is Mode.NONE or all(
                any(matches(host, mx) for mx in later.publication.policy.mx) for host in hosts
            )


def test_a_policy_that_only_one_address_serves_is_served_anew() -> None:
    addresses = (served(TESTING), served(ENFORCED, "192.0.2.2"))
    found = way(domain(MX, policy=TESTING, addresses=addresses))
    assert next_step(found).name == "repair"
    assert publication(next_step(found)).policy.document == TESTING
