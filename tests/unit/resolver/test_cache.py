"""Bounded memory: what is evicted first."""

from hypothesis import given
from hypothesis import strategies as st

from mtasts_resolver.cache import ENTRIES_PER_DICT, Cache
from mtasts_resolver.entry import Entry
from mtasts_resolver.policy import StsFinding
from mtasts_resolver.store import StoredPolicy

STORED = StoredPolicy("d.example", "1", "", 0.0, 0.0)


def entry(*, policy: bool = False, used: bool = False) -> Entry:
    return Entry(
        finding=StsFinding(None),
        until=1.0,
        check_at=0.0,
        asked=0.0,
        stored=STORED if policy else None,
        referenced=used,
    )


def kept(cache: Cache[Entry], names: str) -> str:
    return "".join(name for name in names if cache.get(name))


def test_absences_go_before_policies() -> None:
    cache: Cache[Entry] = Cache(3)
    cache.put("p", entry(policy=True))
    cache.put("q", entry(policy=True))
    cache.put("a", entry(used=True))
    cache.put("b", entry())
    assert kept(cache, "pqab") == "pqb"
    cache.put("r", entry(policy=True))
    cache.put("s", entry(policy=True))
    assert kept(cache, "pqrsab") == "qrs"


def test_unused_entries_go_before_used_ones_and_old_before_new() -> None:
    cache: Cache[Entry] = Cache(3)
    cache.put("a", entry(used=True))
    cache.put("b", entry())
    cache.put("c", entry())
    cache.put("d", entry())
    assert kept(cache, "abcd") == "acd"
    cache.put("e", entry())
    assert kept(cache, "abcde") == "ade"


def test_a_second_chance_is_one_and_not_for_ever() -> None:
    cache: Cache[Entry] = Cache(2)
    cache.put("a", entry(used=True))
    cache.put("b", entry(used=True))
    cache.put("c", entry())
    assert kept(cache, "abc") == "bc"


def test_an_entry_changes_its_kind() -> None:
    cache: Cache[Entry] = Cache(2)
    cache.put("a", entry())
    cache.put("a", entry(policy=True))
    assert (len(cache), cache.precious) == (1, 1)
    cache.put("a", entry())
    assert (len(cache), cache.precious) == (1, 0)
    cache.remove("a")
    cache.remove("a")
    assert len(cache) == 0


def test_a_smaller_limit_evicts() -> None:
    cache: Cache[Entry] = Cache(10)
    for name in "abcdef":
        cache.put(name, entry(policy=name in "ab"))
    cache.resize(3)
    assert kept(cache, "abcdef") == "abf"
    assert cache.full


def test_it_is_known_whether_anything_precious_is_missing() -> None:
    cache: Cache[Entry] = Cache(2)
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
    cache: Cache[Entry] = Cache(2)
    for name in "pq":
        cache.put(name, entry(policy=True))
    cache.remove("p")
    assert not cache.precious_missing
    cache.resize(0)
    assert cache.precious_missing


def test_a_large_cache_keeps_what_is_precious_and_what_is_new() -> None:
    limit = 2 * ENTRIES_PER_DICT
    cache: Cache[Entry] = Cache(limit)
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
    cache: Cache[Entry] = Cache(limit)
    for name, policy, used in puts:
        new = entry(policy=policy, used=used)
        cache.put(name, new)
        assert len(cache) <= limit
        assert cache.get(name) is new


def test_an_entry_is_used_while_it_holds() -> None:
    cache: Cache[Entry] = Cache(1)
    assert cache.use("a", 0.5) is None
    held = entry()
    cache.put("a", held)
    assert cache.use("a", 0.5) is held
    assert (held.asked, held.referenced) == (0.5, True)
    assert cache.use("a", 1.0) is None
