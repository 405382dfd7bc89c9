"""How many tokens the texts of a session have: what a model's server has counted is on the session's tape."""

from collections import OrderedDict
from collections.abc import Sequence

from infra.engines.tokens import Count, TokenCounter, is_counted_by_server
from infra.tape.tape import Tape

KNOWN_TEXTS = 2_000


class TokenCounts:
    """Counts each text of a session once, so that the tape stays small."""

    def __init__(self, tape: Tape, counter: TokenCounter) -> None:
        self._tape = tape
        self._counter = counter
        self._known: OrderedDict[tuple[str, str], int] = OrderedDict()

    def for_reply(self, reply_id: str) -> Count:
        """Return the function that counts the tokens of texts for this reply."""

        async def count(name: str, texts: Sequence[str]) -> list[int]:
            if not is_counted_by_server(name):
                return await self._counter.count(name, texts)
            return await self._counted(reply_id, name, texts)

        return count

    async def _counted(self, reply_id: str, name: str, texts: Sequence[str]) -> list[int]:
        counts = {text: self._known[name, text] for text in texts if (name, text) in self._known}
        new = [text for text in dict.fromkeys(texts) if text not in counts]
        if new:

            async def ask() -> tuple[list[int], bool]:
                counted = await self._counter.counted(name, new)
                return counted.tokens, counted.are_exact

            tokens, are_exact = await self._tape.result("tokens", reply_id, [name, new], ask)
            counts |= dict(zip(new, tokens, strict=True))
            if are_exact:
                self._keep(name, new, tokens)
        return [counts[text] for text in texts]

    def _keep(self, name: str, texts: Sequence[str], tokens: Sequence[int]) -> None:
        self._known |= {(name, text): count for text, count in zip(texts, tokens, strict=True)}
        while len(self._known) > KNOWN_TEXTS:
            self._known.popitem(last=False)
