"""Domains in the order in which they are due."""

import math
import random
from collections import Counter

from mtasts_resolver.knowledge.agenda import MAX_OUTDATED_PER_DOMAIN, Agenda

DOMAINS = 2_000
ROUNDS = 20
# Comparisons of one call: those of five entries that find their place among ten thousand, each by
# two comparisons a level at most, and what finds out whether they hold.
MAX_COMPARISONS = 5 * (2 * 14 + 2)


class CountedTime(float):
    """A time that counts how often it is compared with another."""

    comparisons = 0

    def __lt__(self, other: float) -> bool:
        CountedTime.comparisons += 1
        return float(self) < float(other)

    def __eq__(self, other: object) -> bool:
        CountedTime.comparisons += 1
        return float(self) == other

    __hash__ = float.__hash__


def taken(agenda: Agenda, now: float) -> list[str]:
    return [domain for domain in agenda.take(now) if domain is not None]


def test_no_call_compares_more_than_a_few_times_however_many_domains_are_put_anew() -> None:
    agenda = Agenda()
    dearest = entries = 0
    chance = random.Random(8461)  # noqa: S311 - when something is due is no secret
    for _ in range(ROUNDS):
        for number in range(DOMAINS):
            before = CountedTime.comparisons
            agenda.put(f"d{number}.example", CountedTime(chance.random()))
            dearest = max(dearest, CountedTime.comparisons - before)
            entries = max(entries, agenda.entries)
    assert 0 < dearest <= MAX_COMPARISONS
    assert DOMAINS < entries <= MAX_OUTDATED_PER_DOMAIN * DOMAINS + 1


def test_of_a_domain_that_is_put_again_for_the_same_time_there_is_one_entry() -> None:
    agenda = Agenda()
    for _ in range(10):
        agenda.put("a.example", 1.0)
    assert agenda.entries == 1


def test_domains_are_taken_once_in_the_order_in_which_they_are_due_whatever_came_before() -> None:
    chance = random.Random(8461)  # noqa: S311 - as above
    agenda, due, now = Agenda(), dict[str, float](), 0.0
    what = Counter[str]()
    for _ in range(20_000):
        domain = f"d{chance.randrange(200)}.example"
        doing = chance.choices(("put", "remove", "take"), (90, 8, 2))[0]
        what[doing] += 1
        if doing == "put":
            due[domain] = now + chance.uniform(0, 100)
            agenda.put(domain, due[domain])
        elif doing == "remove":
            due.pop(domain, None)
            agenda.remove(domain)
        else:
            now += chance.uniform(0, 10)
            expected = sorted((d for d in due if due[d] <= now), key=due.__getitem__)
            assert taken(agenda, now) == expected
            assert all(agenda.due_at(domain) == math.inf for domain in expected)
            due.update(dict.fromkeys(expected, math.inf))
        assert agenda.earliest() <= min(due.values(), default=math.inf)
        assert len(agenda) == len(due)
    assert min(what.values()) > 100
    assert set(agenda.domains()) == set(due)


def test_what_was_removed_is_gone_once_others_come() -> None:
    agenda = Agenda()
    for number in range(DOMAINS):
        agenda.put(f"d{number}.example", 10.0 + number)
    for number in range(DOMAINS):
        agenda.remove(f"d{number}.example")
    for number in range(DOMAINS // 2):
        agenda.put(f"e{number}.example", 5.0)
    assert agenda.entries == len(agenda) == DOMAINS // 2
    assert "d1.example" not in agenda
    assert agenda.due_at("d1.example") is None
    assert agenda.earliest() == 5.0
    assert len(taken(agenda, DOMAINS)) == DOMAINS // 2
    assert agenda.earliest() == math.inf
