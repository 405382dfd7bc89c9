"""The fallback chain of language models."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from langchain_core.language_models import BaseChatModel

from actors.reasoning.graph import REST_S, Asked, Ended, Learned, Token, answers, compile_graph
from actors.reasoning.prompts import Background
from actors.reasoning.written_calls import WrittenCall
from infra.engines.chain import EngineFailure, FallbackChain, TimedRests
from infra.engines.tokens import TokenCounter
from infra.settings import Settings
from tests.actors.reasoning.models import WAIT, ScriptedModel
from tests.infra.engines.chain_contract import LINE_CUT, Ask, ChainContract, Does, Outcome, Script


def steps_of(name: str, does: Does) -> list[Any]:
    half, error = f"{name} ", RuntimeError(LINE_CUT)
    steps: dict[Does, list[Any]] = {
        "answers": [half, half],
        "raises": [error],
        "hangs": [WAIT],
        "breaks": [half, error],
        "is cancelled": [asyncio.CancelledError()],
    }
    return steps[does]


async def nothing_known() -> Background:
    return Background()


async def no_tool(call: WrittenCall) -> str:
    raise AssertionError(call)


class TestModelChain(ChainContract):
    rest_s = REST_S

    def chain(self, script: Script, timeout_s: float, clock: Callable[[], float]) -> Ask:
        graph, learned = compile_graph(), Learned(chain=FallbackChain(TimedRests(REST_S, clock), "went on with {}", ""))

        def maker(name: str) -> Callable[[], Awaitable[BaseChatModel]]:
            async def make() -> BaseChatModel:
                return ScriptedModel.playing(steps_of(name, script.next(name)))

            return make

        models = [(name, maker(name)) for name in script.does]
        count = TokenCounter(Settings()).count

        async def ask(outcome: Outcome) -> None:
            asked = Asked("Hello.", "Be kind.", nothing_known, models, no_tool, timeout_s, count, 100, learned=learned)
            async for out in answers(graph, asked):
                if isinstance(out, Token):
                    outcome.give(out.text.strip())
                elif isinstance(out, EngineFailure):
                    outcome.failures.append(out)
                elif isinstance(out, Ended):
                    outcome.is_whole = out.finish == "stop"

        return ask
