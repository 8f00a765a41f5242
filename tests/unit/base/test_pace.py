"""A burst is spread over turns of the event loop."""

import asyncio

from mtasts_resolver.base.pace import Pace


async def run(*, pace: Pace, count: int, log: list[str]) -> list[asyncio.Task[None]]:
    async def go(number: int) -> None:
        await pace.turn()
        log.append(str(number))

    return [asyncio.create_task(go(number)) for number in range(count)]


async def test_a_burst_goes_on_in_order_a_few_in_each_turn() -> None:
    log: list[str] = []
    loop = asyncio.get_running_loop()
    tasks = await run(pace=Pace(3), count=8, log=log)

    def tick() -> None:
        log.append("|")
        if len(log) < 30:
            loop.call_soon(tick)

    loop.call_soon(tick)
    await asyncio.gather(*tasks)
    turns = [turn for turn in "".join(log).split("|") if turn]
    assert "".join(turns) == "01234567"
    assert max(map(len, turns)) == 3


async def test_a_single_one_waits_for_nothing() -> None:
    pace = Pace(2)
    for _ in range(5):
        coroutine = pace.turn()
        try:
            coroutine.send(None)
        except StopIteration:
            pass
        else:
            raise AssertionError("it waited")
        await asyncio.sleep(0)


async def test_who_has_given_up_holds_nobody_up() -> None:
    log: list[str] = []
    tasks = await run(pace=Pace(1), count=4, log=log)
    await asyncio.sleep(0)
    tasks[1].cancel()
    tasks[2].cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert log == ["0", "3"]
