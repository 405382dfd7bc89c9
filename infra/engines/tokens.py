"""How many tokens a text has for a model: by its own tokenizer if that is at hand, else by an upper bound."""

import asyncio
import json
import logging
import time
import urllib.error
import urllib.request
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from infra.engines.llm import LOCAL, LlmNotFound, local_url
from infra.settings import Settings

log = logging.getLogger(__name__)

Count = Callable[[str, Sequence[str]], Awaitable[list[int]]]
"""Returns the number of tokens of each text for the named model."""

KNOWN_TEXTS = 2_000
TIMEOUT_S = 2.0
REST_S = 5.0
"""How long a server that did not answer is not asked again: a prompt is counted in several steps."""


def bound_of(text: str) -> int:
    """Return an upper bound of a text's tokens for a large vocabulary.

    ASCII has about 4 characters a token and is counted at 3; other scripts at 2 bytes of UTF-8 a token: Chinese has
    1 to 1.3 tokens a character in OpenAI's cl100k (counted 1.5), Hindi about 1.2, an emoji 2 to 3.
    """
    if text.isascii():  # nearly all texts are, and this is counted again and again
        return -(-len(text) // 3)
    ascii_chars = sum(character < "\x80" for character in text)
    return -(-ascii_chars // 3) + -(-(len(text.encode(errors="replace")) - ascii_chars) // 2)


@dataclass(frozen=True, slots=True)
class Counted:
    """The tokens of some texts; not `are_exact` if they were estimated."""

    tokens: list[int]
    are_exact: bool


def is_counted_by_server(name: str) -> bool:
    """Return whether the server of the model of this name counts its tokens; for the others there is a bound."""
    return name == LOCAL


class TokenCounter:
    """Counts tokens for all models. Texts recur, so their counts are cached."""

    def __init__(self, settings: Settings, clock: Callable[[], float] = time.monotonic) -> None:
        self._settings = settings
        self._clock = clock
        self._asked_again_s = float("-inf")
        self._known: OrderedDict[str, int] = OrderedDict()

    async def count(self, name: str, texts: Sequence[str]) -> list[int]:
        """Return the number of tokens of each text. Never fails: if the server does not answer, the bound is used."""
        return (await self.counted(name, texts)).tokens

    async def counted(self, name: str, texts: Sequence[str]) -> Counted:
        """Return the same, and whether it is what the model itself counts."""
        if not is_counted_by_server(name):
            return Counted([bound_of(text) for text in texts], are_exact=False)
        new = [text for text in dict.fromkeys(texts) if text not in self._known]
        if new and self._clock() < self._asked_again_s:
            return _at_most(texts)
        if new:
            try:
                counts = await asyncio.to_thread(_tokenize, local_url(self._settings), new)
            except LlmNotFound:  # something else answers on that address
                return Counted([-(-len(text) // 4) for text in texts], are_exact=False)
            except (urllib.error.URLError, OSError, ValueError, KeyError) as error:
                log.debug("tokens are not counted but bounded: %r", error)
                self._asked_again_s = self._clock() + REST_S
                return _at_most(texts)
            self._known.update(zip(new, counts, strict=True))
        found = [self._known[text] for text in texts]
        while len(self._known) > KNOWN_TEXTS:
            self._known.popitem(last=False)
        return Counted(found, are_exact=True)


def _at_most(texts: Sequence[str]) -> Counted:
    """Return the bound that always holds: every token has at least one byte."""
    return Counted([len(text.encode(errors="replace")) for text in texts], are_exact=False)


def _tokenize(url: str, texts: Sequence[str]) -> list[int]:
    """Ask llama.cpp's server. Raises URLError, OSError, ValueError, KeyError."""
    counts = []
    for text in texts:
        body = json.dumps({"content": text}).encode()
        request = urllib.request.Request(f"{url}/tokenize", body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:
            counts.append(len(json.load(answer)["tokens"]))
    return counts
