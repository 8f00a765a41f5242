"""Several checks at once: not too many, and what comes of them is shown in order."""

import asyncio

from mtasts_resolver.cli.checked.progressing import Results
from mtasts_resolver.cli.checked.results import CheckedDomain
from mtasts_resolver.cli.checked.run import AT_ONCE, check_each


def ended(domain: str) -> CheckedDomain:
    return CheckedDomain(domain=domain, verdict="ok")


def test_each_is_shown_in_its_place_as_soon_as_those_before_have_ended() -> None:
    shown: list[str] = []
    results = Results(["a", "b", "c", "d"], lambda one: shown.append(one.domain))
    for domain, then in (("b", []), ("a", ["a", "b"]), ("d", ["a", "b"])):
        results.add(ended(domain))
        results.show_next()
        assert shown == then
    assert [one.domain for one in results.ended] == ["a", "b", "d"]
    assert results.unchecked == ("c",)
    results.show_rest()
    results.show_rest()
    assert shown == ["a", "b", "d"]


async def test_so_many_are_checked_at_once_and_no_more() -> None:
    names = [f"{number}.example" for number in range(3 * AT_ONCE)]
    under_way = most = 0
    told: list[str] = []

    async def check(domain: str) -> CheckedDomain:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await asyncio.sleep(0)
        under_way -= 1
        return ended(domain)

    await check_each(names, check, lambda one: told.append(one.domain))
    assert sorted(told) == sorted(names)
    assert most == AT_ONCE
