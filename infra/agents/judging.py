"""How a guard is asked: within its time, and with one error in place of whatever it raises."""

import asyncio
import inspect
from collections.abc import Awaitable
from typing import Any, cast

from infra.agents.call import Call
from infra.agents.guard import Answer, Drop, GuardFailed, GuardFunction, Replace, Verdict, arguments_for
from infra.process.tasks import own_cancellation_only

ERROR_CHARS = 500


async def judged(guard: GuardFunction, text: str, call: Call, timeout_s: float) -> Verdict:
    """Return what a guard says to a text; one that is not asynchronous runs in a thread. Raises GuardFailed."""
    try:
        with own_cancellation_only():
            async with asyncio.timeout(timeout_s):
                verdict = await _called(guard, arguments_for(guard, text, call))
    except TimeoutError as error:
        raise GuardFailed(f"it took longer than {timeout_s:g} s") from error
    except (Exception, SystemExit) as error:  # the guard is the agent's author's
        raise GuardFailed(f"{type(error).__name__}: {error}"[:ERROR_CHARS]) from error
    if verdict is None or isinstance(verdict, Drop):
        return verdict
    if isinstance(verdict, Replace | Answer) and isinstance(verdict.text, str):
        return verdict
    raise GuardFailed(f"it returned {verdict!r}: return None, Drop(), Replace(text) or Answer(text)"[:ERROR_CHARS])


async def _called(guard: GuardFunction, arguments: tuple[Any, ...]) -> object:
    if inspect.iscoroutinefunction(guard) or inspect.iscoroutinefunction(type(guard).__call__):
        return await cast(Awaitable[Verdict], guard(*arguments))
    result = await asyncio.to_thread(guard, *arguments)
    return await result if inspect.isawaitable(result) else result
