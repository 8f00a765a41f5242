"""What a scan has met goes without holding the event loop."""

import asyncio

from mtasts_resolver.store.met import SETS, MetDomains


async def test_a_domain_is_met_for_the_first_time_once() -> None:
    async with MetDomains() as met:
        assert [met.add(name) for name in ("a.example", "b.example", "a.example")] == [
            True,
            True,
            False,
        ]


async def test_others_have_a_turn_for_each_set_that_goes() -> None:
    met = MetDomains()
    ending = asyncio.create_task(met.__aexit__(None, None, None))
    turns = 0
    while not ending.done():
        await asyncio.sleep(0)
        turns += 1
    assert turns >= SETS
