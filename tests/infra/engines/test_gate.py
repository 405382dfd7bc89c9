"""Who goes first where sessions share an engine."""

import asyncio

from infra.engines.gate import PriorityGate


async def test_urgent_callers_overtake_those_that_wait_and_the_rest_keep_their_order() -> None:
    gate = PriorityGate(1)
    went: list[str] = []

    async def caller(name: str, urgent: bool) -> None:
        async with gate.turn(urgent):
            went.append(name)

    async with gate.turn(False):
        callers = [asyncio.create_task(caller(name, name.startswith("first"))) for name in ("a", "b", "first", "c")]
        await asyncio.sleep(0)
    await asyncio.gather(*callers)
    assert went == ["first", "a", "b", "c"]


async def test_a_caller_that_gives_up_while_waiting_does_not_keep_the_place() -> None:
    gate = PriorityGate(1)

    async def caller() -> None:
        async with gate.turn(False):
            pass

    async with gate.turn(False):
        gone = asyncio.create_task(caller())
        await asyncio.sleep(0)
    gone.cancel()
    await asyncio.gather(gone, return_exceptions=True)
    await asyncio.wait_for(caller(), 1)
