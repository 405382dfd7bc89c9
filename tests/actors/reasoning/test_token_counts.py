"""Tokens that a server counts are inputs: on the session's tape, each text once."""

from collections.abc import Awaitable, Callable
from typing import Any

from actors.reasoning.token_counts import TokenCounts
from infra.engines.llm import LOCAL
from infra.engines.tokens import Counted, TokenCounter, bound_of
from infra.settings import Settings
from infra.tape.tape import AS_IT_IS, Packing, Plain
from infra.tape.untaped import Untaped


class Server(TokenCounter):
    """Counts letters, while it is there."""

    def __init__(self) -> None:
        super().__init__(Settings())
        self.is_there = True

    async def counted(self, name: str, texts: Any) -> Counted:
        return Counted([len(text) if self.is_there else 99 for text in texts], self.is_there)


class Asked(Untaped):
    """A tape that keeps what was asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.requests: list[Plain] = []

    async def result(
        self, kind: str, key: str, request: Plain, ask: Callable[[], Awaitable[Any]], packing: Packing[Any] = AS_IT_IS
    ) -> Any:
        self.requests.append((kind, key, request))
        return await ask()


async def test_a_text_of_a_reply_is_asked_for_once() -> None:
    tape = Asked()
    counts = TokenCounts(tape, Server(), "r1")
    assert await counts.count(LOCAL, ["one", "three", "one"]) == [3, 5, 3]
    assert await counts.count(LOCAL, ["three", "four"]) == [5, 4]
    assert tape.requests == [("tokens", "r1", [LOCAL, ["one", "three"]]), ("tokens", "r1", [LOCAL, ["four"]])]


async def test_an_estimate_is_not_kept() -> None:
    server = Server()
    counts = TokenCounts(Asked(), server, "r1")
    server.is_there = False
    assert await counts.count(LOCAL, ["one"]) == [99]
    server.is_there = True
    assert await counts.count(LOCAL, ["one"]) == [3]


async def test_a_bound_is_computed_and_not_on_the_tape() -> None:
    tape = Asked()
    assert await TokenCounts(tape, TokenCounter(Settings()), "r1").count("openai:m", ["one"]) == [bound_of("one")]
    assert tape.requests == []
