"""How many tokens the texts of a reply have: what a model's server has counted is on the session's tape."""

from collections.abc import Sequence

from infra.engines.tokens import TokenCounter, is_counted_by_server
from infra.tape.tape import Tape


class TokenCounts:
    """Counts each text of a reply once, so that the tape stays small."""

    def __init__(self, tape: Tape, counter: TokenCounter, reply_id: str) -> None:
        self._tape = tape
        self._counter = counter
        self._reply_id = reply_id
        self._known: dict[tuple[str, str], int] = {}

    async def count(self, name: str, texts: Sequence[str]) -> list[int]:
        """Return the number of tokens of each text for the model of this name."""
        if not is_counted_by_server(name):
            return await self._counter.count(name, texts)
        counts = {text: self._known[name, text] for text in texts if (name, text) in self._known}
        new = [text for text in dict.fromkeys(texts) if text not in counts]
        if new:

            async def ask() -> tuple[list[int], bool]:
                counted = await self._counter.counted(name, new)
                return counted.tokens, counted.are_exact

            tokens, are_exact = await self._tape.result("tokens", self._reply_id, [name, new], ask)
            counts |= dict(zip(new, tokens, strict=True))
            if are_exact:
                self._known |= {(name, text): tokens for text, tokens in counts.items()}
        return [counts[text] for text in texts]
