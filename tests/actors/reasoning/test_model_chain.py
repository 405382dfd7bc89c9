"""The fallback chain of language models."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from typing import Any

from langchain_core.language_models import BaseChatModel

from actors.reasoning.graph import Asked, Ended, Out, Token, answer_to, compile_graph
from actors.reasoning.learned import REST_S, Learned, ReplyModels
from actors.reasoning.model_chunks import ModelRequest, Part, chunks
from actors.reasoning.prompts import Background
from actors.reasoning.tool_uses import ToolUse
from actors.reasoning.written_calls import WrittenCall
from infra.engines.chain import EngineFailure, TimedRests
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


async def no_tools(_calls: Sequence[WrittenCall], _round: int) -> Sequence[ToolUse]:
    raise AssertionError("no tool was asked for")


class TestModelChain(ChainContract):
    rest_s = REST_S

    def chain(self, script: Script, timeout_s: float, clock: Callable[[], float]) -> Ask:
        graph, learned = compile_graph(), Learned(rests=TimedRests(REST_S, clock))
        count = TokenCounter(Settings()).count

        def ask_model(request: ModelRequest) -> AsyncGenerator[Part, None]:
            async def make() -> BaseChatModel:
                return ScriptedModel.playing(steps_of(request.name, script.next(request.name)))

            return chunks(make, request, timeout_s)

        async def ask(outcome: Outcome) -> None:
            async def take(out: Out) -> bool:
                if isinstance(out, Token):
                    outcome.give(out.text.strip())
                elif isinstance(out, EngineFailure):
                    outcome.failures.append(out)
                elif isinstance(out, Ended):
                    outcome.is_whole = out.finish == "stop"
                return True

            models = ReplyModels(learned.about(list(script.does)), learned)
            asked = Asked("Hello.", "Be kind.", nothing_known, models, ask_model, no_tools, take, count, 100)
            await answer_to(graph, asked)

        return ask
