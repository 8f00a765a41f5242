"""Bounded memory: what is evicted first."""

import asyncio
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtasts_resolver.base.footprint import footprint
from mtasts_resolver.knowledge.cache import (
    BYTES_PER_RENEWAL,
    ENTRIES_PER_DICT,
    EVICTED_AT_ONCE,
    MAX_REPLIES,
    MAX_SECOND_CHANCES,
    Cache,
    ManyDicts,
)
from mtasts_resolver.knowledge.entry import StsEntry
from mtasts_resolver.policy import Mode, Policy, StsFinding
from mtasts_resolver.postfix.reply import NOT_FOUND, Reply, Status, TimedReply
from mtasts_resolver.store import StoredPolicy

ROOM = 1 << 40  # bytes: all that the tests put
STORED = StoredPolicy("d.example", "1", "", 0.0, 0.0)


def entry(*, policy: bool = False, used: bool = False) -> StsEntry:
    return StsEntry(
        finding=StsFinding(None),
        until=1.0,
        stale_at=0.0,
        asked=0.0,
        stored=STORED if policy else None,
        referenced=used,
    )


def kept(cache: Cache[StsEntry], names: str) -> str:
    return "".join(name for name in names if cache.get(name))


@pytest.mark.threat("policy-fat")
def test_absences_go_before_policies() -> None:
    cache: Cache[StsEntry] = Cache(3, ROOM)
    cache.put("p", entry(policy=True))
    cache.put("q", entry(policy=True))
    cache.put("a", entry(used=True))
    cache.put("b", entry())
    assert kept(cache, "pqab") == "pqb"
    cache.put("r", entry(policy=True))
    cache.put("s", entry(policy=True))
    assert kept(cache, "pqrsab") == "qrs"


def test_unused_entries_go_before_used_ones_and_old_before_new() -> None:
    cache: Cache[StsEntry] = Cache(3, ROOM)
    cache.put("a", entry(used=True))
    cache.put("b", entry())
    cache.put("c", entry())
    cache.put("d", entry())
    assert kept(cache, "abcd") == "acd"
    cache.put("e", entry())
    assert kept(cache, "abcde") == "ade"


def test_a_second_chance_is_one_and_not_for_ever() -> None:
    cache: Cache[StsEntry] = Cache(2, ROOM)
    cache.put("a", entry(used=True))
    cache.put("b", entry(used=True))
    cache.put("c", entry())
    assert kept(cache, "abc") == "bc"


def test_an_entry_is_used_when_any_reply_made_of_it_is() -> None:
    held = entry()
    held.replies = (TimedReply(NOT_FOUND, 1.0, used=True), TimedReply(NOT_FOUND, 1.0))
    assert held.take_use()
    assert not held.take_use()


def test_an_entry_changes_its_kind() -> None:
    cache: Cache[StsEntry] = Cache(2, ROOM)
    cache.put("a", entry())
    cache.put("a", entry(policy=True))
    assert (len(cache), cache.precious) == (1, 1)
    cache.put("a", entry())
    assert (len(cache), cache.precious) == (1, 0)
    cache.remove("a")
    cache.remove("a")
    assert len(cache) == 0


def test_a_smaller_limit_evicts() -> None:
    cache: Cache[StsEntry] = Cache(10, ROOM)
    for name in "abcdef":
        cache.put(name, entry(policy=name in "ab"))
    cache.resize(3, ROOM)
    assert kept(cache, "abcdef") == "abf"
    assert len(cache) == 3


def test_it_is_known_whether_anything_precious_is_missing() -> None:
    cache: Cache[StsEntry] = Cache(2, ROOM)
    cache.put("p", entry(policy=True))
    cache.offer("a", entry())
    cache.offer("b", entry())
    cache.put("c", entry())
    assert kept(cache, "pabc") == "pc"
    assert not cache.precious_missing
    cache.offer("q", entry(policy=True))
    assert kept(cache, "pcq") == "pc"
    assert cache.precious_missing


def test_a_precious_entry_that_is_evicted_is_missing() -> None:
    cache: Cache[StsEntry] = Cache(2, ROOM)
    for name in "pq":
        cache.put(name, entry(policy=True))
    cache.remove("p")
    assert not cache.precious_missing
    cache.resize(0, ROOM)
    assert cache.precious_missing


def test_a_large_cache_keeps_what_is_precious_and_what_is_new() -> None:
    limit = 2 * ENTRIES_PER_DICT
    cache: Cache[StsEntry] = Cache(limit, ROOM)
    policies = [f"p{n}.example" for n in range(limit // 4)]
    absences = [f"a{n}.example" for n in range(2 * limit)]
    for name in policies:
        cache.put(name, entry(policy=True))
    for name in absences:
        cache.put(name, entry())
        assert len(cache) <= limit
    assert (len(cache), cache.precious) == (limit, len(policies))
    assert len(list(cache.precious_entries())) == len(policies)
    assert all(map(cache.get, policies))
    # Which absences are evicted is roughly a matter of age: the newest stay, the oldest go.
    assert all(map(cache.get, absences[-limit // 2 :]))
    assert not any(map(cache.get, absences[:limit]))
    for name in absences + policies:
        cache.remove(name)
    assert len(cache) == 0


@given(
    st.integers(1, 5),
    st.lists(st.tuples(st.sampled_from("abcdefgh"), st.booleans(), st.booleans()), max_size=60),
)
def test_the_limit_holds_and_the_newest_entry_is_there(
    limit: int, puts: list[tuple[str, bool, bool]]
) -> None:
    cache: Cache[StsEntry] = Cache(limit, ROOM)
    for name, policy, used in puts:
        new = entry(policy=policy, used=used)
        cache.put(name, new)
        assert len(cache) <= limit
        assert cache.get(name) is new


def test_an_entry_is_used_while_it_holds() -> None:
    cache: Cache[StsEntry] = Cache(1, ROOM)
    assert cache.use("a", 0.5) is None
    held = entry()
    cache.put("a", held)
    assert cache.use("a", 0.5) is held
    assert (held.asked, held.referenced) == (0.5, True)
    assert cache.use("a", 1.0) is None


def test_of_very_many_the_oldest_are_given_back_first_roughly() -> None:
    number = 2_000
    many: ManyDicts[int] = ManyDicts(3 * ENTRIES_PER_DICT)
    for each in range(number):
        many.put(f"{each}.example", each)
    first = [many.pop_oldest() for _ in range(number // 2)]
    assert all(domain == f"{each}.example" and domain not in many for domain, each in first)
    assert sum(each < number // 2 for _, each in first) > 0.8 * len(first)
    rest = [many.pop_oldest() for _ in range(number // 2)]
    assert {each for _, each in first + rest} == {*range(number)}
    assert len(many) == 0


class Later:
    """Turns of the event loop that come when the test says so."""

    def __init__(self) -> None:
        self.due: list[Callable[[], None]] = []

    def __call__(self, work: Callable[[], None]) -> None:
        self.due.append(work)

    def turn(self) -> None:
        due, self.due = self.due, []
        for work in due:
            work()


def long(size: int, *, policy: bool = False) -> StsEntry:
    """Return an entry of about so many bytes."""
    made = entry(policy=policy)
    made.finding = StsFinding(None, "x" * size)
    return made


def test_what_is_long_takes_the_room_of_many() -> None:
    later = Later()
    cache: Cache[StsEntry] = Cache(1_000, 100_000, later=later)
    for number in range(300):
        cache.put(f"a{number}", long(100))
        assert cache.bytes <= 100_000
    cache.put("long", long(60_000))
    for _ in range(100):
        later.turn()
    assert cache.bytes <= 100_000
    assert cache.get("long")
    assert cache.get("a299")
    cache.offer("another", long(60_000, policy=True))
    assert cache.get("another") is None
    assert cache.precious_missing


def test_what_is_longer_than_all_room_is_alone() -> None:
    cache: Cache[StsEntry] = Cache(1_000, 10_000)
    cache.put("a", entry())
    cache.put("long", long(60_000))
    assert kept(cache, "a") == ""
    assert cache.get("long")
    cache.put("b", entry())
    assert (len(cache), kept(cache, "b")) == (1, "b")


async def test_what_is_too_much_goes_in_the_next_turns_of_the_event_loop() -> None:
    cache: Cache[StsEntry] = Cache(1_000, ROOM)
    for number in range(1_000):
        cache.put(f"d{number}", entry())
    cache.resize(10, ROOM)
    for _turn in range(1_000 // EVICTED_AT_ONCE + 1):
        await asyncio.sleep(0)
    assert len(cache) == 10


@pytest.mark.parametrize(("limit", "max_bytes"), [(10, ROOM), (1 << 20, 10_000)])
def test_a_smaller_bound_holds_after_many_turns_of_which_none_is_long(
    limit: int, max_bytes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    touched = 0
    look = StsEntry.take_use

    def take_use(held: StsEntry) -> bool:
        nonlocal touched
        touched += 1
        return look(held)

    monkeypatch.setattr(StsEntry, "take_use", take_use)
    later = Later()
    cache: Cache[StsEntry] = Cache(1 << 20, ROOM, later=later)
    for number in range(20_000):
        cache.put(f"{number}.example", entry(used=number < 10_000, policy=number % 2 == 0))
    cache.resize(limit, max_bytes)
    turns = [touched]
    while later.due:
        before = touched
        later.turn()
        turns.append(touched - before)
    assert len(cache) <= limit
    assert cache.bytes <= max_bytes
    assert max(turns) <= EVICTED_AT_ONCE * (MAX_SECOND_CHANCES + 1)


def test_what_has_just_room_stays() -> None:
    later = Later()
    cache: Cache[StsEntry] = Cache(10, ROOM, later=later)
    held = entry()
    cache.put("a", held)
    cache.put("b", entry())
    cache.resize(2, cache.bytes)
    assert kept(cache, "ab") == "ab"
    cache.resize(2, cache.bytes + 100)
    cache.keep(held, TimedReply(NOT_FOUND, 1.0, size=100), lambda _reply: True)
    assert later.due == []


def test_what_is_held_is_counted_by_its_kind_and_can_be_listed() -> None:
    cache: Cache[StsEntry] = Cache(4, ROOM)
    for name in "pqr":
        policy = entry(policy=True)
        policy.finding = StsFinding(Policy(Mode.ENFORCE, 86_400, ("a.example",)))
        cache.put(name, policy)
    for name in "ab":
        cache.put(name, entry())
    assert cache.counts == {"enforce": 3, "absent": 1}
    assert [name for name, _ in cache.entries()] == [*"pqrb"]
    assert [name for name, _ in cache.entries(absences=False)] == [*"pqr"]
    cache.remove("p")
    cache.remove("q")
    assert cache.counts == {"enforce": 1, "absent": 1}


def test_policies_can_be_gone_through_while_they_change() -> None:
    cache: Cache[StsEntry] = Cache(2 * ENTRIES_PER_DICT, ROOM)
    entries = {f"d{number}": entry(policy=True) for number in range(1_000)}
    for name, held in entries.items():
        cache.put(name, held)
    going = cache.precious_entries()
    met = [next(going) for _ in range(100)]
    names = [name for name, held in entries.items() if held not in met]
    removed, renewed, rest = names[0], names[1], names[2:]
    cache.remove(removed)
    new = entry(policy=True)
    cache.put(renewed, new)
    for number in range(1_000):
        cache.put(f"n{number}", entry(policy=True))
    others = list(going)
    assert entries[removed] not in others
    assert entries[renewed] not in others
    assert all(entries[name] in others for name in rest)


def test_what_is_asked_for_on_the_short_way_is_in_use() -> None:
    """A reply that stands ready is sent without asking the cache."""
    cache: Cache[StsEntry] = Cache(3, ROOM)
    replies = {name: TimedReply(NOT_FOUND, 1.0) for name in "abc"}
    for name, reply in replies.items():
        held = entry()
        cache.put(name, held)
        cache.keep(held, reply, lambda _reply: True)
    replies["a"].used = replies["b"].used = True
    cache.put("d", entry())
    assert kept(cache, "abcd") == "abd"
    replies["a"].used = True
    cache.put("e", entry())
    assert kept(cache, "abde") == "ade"


def test_a_reply_that_is_recalled_keeps_nothing() -> None:
    cache: Cache[StsEntry] = Cache(3, ROOM)
    held = entry()
    cache.put("a", held)
    reply = TimedReply(Reply(Status.OK, "secure"), 1.0, wire=b"secure", size=1_000)
    before = cache.bytes
    cache.keep(held, reply, lambda _reply: True)
    assert cache.bytes == before + 1_000
    cache.keep(held, TimedReply(NOT_FOUND, 1.0), lambda _reply: False)
    assert cache.bytes == before
    assert (reply.wire, reply.reply.status) == (b"", Status.TEMP)
    assert reply.until < 0


def test_what_is_counted_for_an_entry_goes_with_it() -> None:
    cache: Cache[StsEntry] = Cache(3, ROOM)
    held = entry()
    cache.put("a", held)
    cache.keep(held, TimedReply(NOT_FOUND, 1.0, size=1_000), lambda _reply: True)
    before = cache.bytes
    cache.weigh("a", held)
    assert cache.bytes == before  # nothing was changed in it
    held.finding = StsFinding(None, "x" * 500)
    cache.weigh("a", held)
    assert cache.bytes > before + 400
    cache.remove("a")
    assert cache.bytes == 0
    cache.keep(held, TimedReply(NOT_FOUND, 1.0, size=1_000), lambda _reply: True)
    assert cache.bytes == 0  # whoever works with it has it still


def test_replies_count_in_one_of_the_caches_whose_entries_they_were_made_of() -> None:
    cache: Cache[StsEntry] = Cache(3, ROOM, counts_replies=False)
    held = entry()
    cache.put("a", held)
    before = cache.bytes
    cache.keep(held, TimedReply(NOT_FOUND, 1.0, size=1_000), lambda _reply: True)
    cache.weigh("a", held)
    assert cache.bytes == before


def test_what_is_offered_takes_the_last_place_or_its_own_and_no_other() -> None:
    cache: Cache[StsEntry] = Cache(2, ROOM)
    cache.offer("a", entry())
    cache.offer("a", entry(policy=True))
    assert (len(cache), cache.precious) == (1, 1)
    cache.offer("b", entry())
    cache.offer("c", entry(policy=True))
    cache.offer("d", entry())
    assert kept(cache, "abcd") == "ab"
    assert cache.precious_missing  # c is, though d is no loss


def test_the_newest_replies_of_an_entry_are_kept() -> None:
    held = entry()
    cache: Cache[StsEntry] = Cache(1, ROOM)
    replies = [TimedReply(NOT_FOUND, float(number)) for number in range(2 * MAX_REPLIES)]
    for reply in replies:
        cache.keep(held, reply, lambda other: other.until != MAX_REPLIES + 1)
    assert held.replies == (
        *replies[MAX_REPLIES - 1 : MAX_REPLIES + 1],
        *replies[MAX_REPLIES + 2 :],
    )


def test_each_entry_is_counted_with_its_name_and_its_place_in_the_schedule() -> None:
    cache: Cache[StsEntry] = Cache(10, ROOM)
    cache.put("a", entry())
    one = cache.bytes
    cache.put("b", entry())
    assert cache.bytes == 2 * one
    cache.put("c" * 101, entry())
    assert cache.bytes > 3 * one + 90
    exact: Cache[StsEntry] = Cache(10, 2 * one)
    for name in "abc":
        exact.offer(name, entry())
    assert kept(exact, "abc") == "ab"
    exact.resize(10, ROOM)
    exact.put("a", entry(policy=True))
    assert exact.bytes - 2 * one > BYTES_PER_RENEWAL + footprint(STORED.domain)
    before = exact.bytes
    for add in (exact.put, exact.offer):
        exact.remove("c" * 101)
        assert exact.bytes == before
        add("c" * 101, entry())
        assert exact.bytes - before > one + 90


def test_what_is_missing_stays_so_whatever_is_evicted_after_it() -> None:
    cache: Cache[StsEntry] = Cache(1, ROOM)
    cache.put("p", entry(policy=True))
    cache.put("a", entry())
    cache.put("b", entry())
    assert cache.precious_missing


def test_only_one_turn_is_asked_for_at_a_time() -> None:
    later = Later()
    cache: Cache[StsEntry] = Cache(1_000, ROOM, later=later)
    for number in range(1_000):
        cache.put(f"d{number}", entry())
    cache.resize(900, ROOM)
    cache.resize(10, ROOM)
    assert len(later.due) == 1
    later.turn()
    assert len(later.due) == 1
