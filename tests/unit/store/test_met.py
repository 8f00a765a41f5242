"""What a scan has met neither stays nor goes at the cost of the event loop."""

import asyncio
import gc

from mtasts_resolver.store.met import DICTS, MetDomains


async def test_a_domain_is_met_for_the_first_time_once() -> None:
    async with MetDomains() as met:
        assert [met.add(name) for name in ("a.example", "b.example", "a.example")] == [
            True,
            True,
            False,
        ]


async def test_others_have_a_turn_for_each_dict_that_goes() -> None:
    met = MetDomains()
    ending = asyncio.create_task(met.__aexit__(None, None, None))
    turns = 0
    while not ending.done():
        await asyncio.sleep(0)
        turns += 1
    assert turns >= DICTS


async def test_the_collector_has_nothing_to_look_at() -> None:
    async with MetDomains() as met:
        for number in range(10 * DICTS):
            met.add(f"d{number}.example")
        gc.collect()
        held = [
            one for one in gc.get_objects() if isinstance(one, dict | set) and "d1.example" in one
        ]
        assert held == []
