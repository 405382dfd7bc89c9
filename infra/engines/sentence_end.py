"""How likely a person's words end here: the local language model's probability that its next token ends them.

Ends are those of a sentence or of the message. Over 766 labelled ends and pauses of some 60 speakers this tells an end
from a pause within a sentence far better than sound does: area under the curve 0.89, LiveKit's end-of-turn model 0.61.
It needs llama.cpp's server: `/apply-template` gives the prompt with the person's message still open, `/completion` the
next token's probabilities.
"""

import math
import re
from collections import OrderedDict
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import httpx

from infra.engines.llm import local_url
from infra.settings import Settings

TIMEOUT_S = 1.0
"""A later answer is of no use: the longest silence that is waited for is about as long."""

KNOWN_PROMPTS = 100
"""Prompts of conversations that are remembered."""

MOST_TOKENS = 60
"""Of the most probable next tokens; the rest have no share worth counting."""

_ENDS = re.compile(r"^\s*[.?!]|^\n|^$|^<\|(?:im_end|endoftext)\|>$")
"""Tokens that end a sentence or the message."""

_JOINT_MARKS = ".,?!;:…- "
"""What a recogniser writes at a pause, whether the sentence has ended or not."""

_QUOTES = "\"'\u201c\u201d\u2018\u2019«» "
"""A recogniser opens a quotation where nobody says one, and the model then waits for its end."""

_KEEPS_CAPITAL = re.compile(r"^(?:I|I'\w+)\b")

Message = tuple[str, str]
"""Role and text."""


class NoScore(RuntimeError):
    """The model did not say how likely an end is; the message says why."""


def spoken_together(text: str, pauses: Sequence[int]) -> str:
    """Return words as they were said, without the marks that the recogniser wrote at the pauses between them.

    `pauses` are the places in `text` (characters) at which the speaker had paused. "I have a question about. My last
    bill." with a pause at 25 becomes "I have a question about my last bill": its end is a pause, too.
    """
    places = [0, *sorted(place for place in pauses if 0 < place < len(text)), len(text)]
    said = ""
    for start, end in pairwise(places):
        piece = text[start:end].lstrip(_QUOTES).rstrip(_JOINT_MARKS + _QUOTES)
        if said and piece and not _KEEPS_CAPITAL.match(piece):
            piece = piece[0].lower() + piece[1:]
        said = f"{said} {piece}".strip()
    return said


def joined(text: str, pauses: Sequence[int]) -> str:
    """Return words without the marks that the recogniser wrote at the pauses between them; the last mark stays."""
    if not pauses:
        return text
    marks = text[len(text.rstrip(_JOINT_MARKS + _QUOTES)) :].rstrip()
    return spoken_together(text, pauses) + marks


def ending_share(tokens: Sequence[dict[str, Any]]) -> float:
    """Return the probability of the tokens that end a sentence, as `/completion` lists them. Raises NoScore."""
    try:
        found = math.fsum(math.exp(float(each["logprob"])) for each in tokens if _ENDS.match(str(each["token"])))
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise NoScore(f"probabilities cannot be read: {error!r}") from error
    if not math.isfinite(found) or not 0 <= found <= 1.001:
        raise NoScore(f"{found} is no probability")
    return min(1.0, found)


class SentenceEnds:
    """Asks the local model. `aclose` it."""

    def __init__(
        self, settings: Settings, timeout_s: float = TIMEOUT_S, transport: httpx.AsyncBaseTransport | None = None
    ) -> None:
        self._settings = settings
        self._before: OrderedDict[tuple[Message, ...], str] = OrderedDict()
        """Prompts as far as the person's words, by the messages before: the same while somebody speaks."""
        # It runs on this machine: what stands in the environment about proxies is not for it. Whom to trust takes long
        # to read, so only a server that is named with TLS has it read.
        has_tls = settings.llm_url.lower().startswith("https:")
        self._client = httpx.AsyncClient(timeout=timeout_s, transport=transport, trust_env=False, verify=has_tls)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def probability(self, messages: Sequence[Message]) -> float:
        """Return how likely the last message, whose words are still being said, ends with its last word.

        Raises LlmNotFound if no local model runs, else NoScore: it does not answer in time, or not as expected.
        """
        url = local_url(self._settings)
        words = messages[-1][1]
        if not words:
            raise NoScore("there are no words")
        before = await self._prompt_before(url, messages)
        answer = await self._post(
            f"{url}/completion",
            {
                "prompt": before + words,
                "n_predict": 1,
                "n_probs": MOST_TOKENS,
                "temperature": 0,
                "cache_prompt": True,
                "samplers": ["top_k"],
                "top_k": 1,
            },
        )
        try:
            tokens = answer["completion_probabilities"][0]["top_logprobs"]
        except (KeyError, IndexError, TypeError) as error:
            raise NoScore("the server reports no probabilities: it is not llama.cpp's") from error
        return ending_share(tokens)

    async def _prompt_before(self, url: str, messages: Sequence[Message]) -> str:
        """Return the prompt as far as the last message's words. Raises NoScore."""
        key = tuple(messages[:-1])
        if (known := self._before.get(key)) is not None:
            self._before.move_to_end(key)
            return known
        words = messages[-1][1]
        asked = [{"role": role, "content": text} for role, text in messages]
        templated = await self._post(f"{url}/apply-template", {"messages": asked})
        prompt = str(templated.get("prompt", ""))
        place = prompt.rfind(words)
        if place < 0:
            raise NoScore("the words are not in the model's prompt")
        self._before[key] = prompt[:place]
        if len(self._before) > KNOWN_PROMPTS:
            self._before.popitem(last=False)
        return prompt[:place]

    async def _sent(self, url: str, body: dict[str, Any]) -> httpx.Response:
        try:
            return await self._client.post(url, json=body)
        except httpx.RemoteProtocolError:  # the server has just closed this connection, as it does with idle ones
            return await self._client.post(url, json=body)

    async def _post(self, url: str, body: dict[str, Any]) -> dict[str, Any]:
        try:
            answer = await self._sent(url, body)
            answer.raise_for_status()
            found = answer.json()
        except httpx.TimeoutException as error:
            raise NoScore(f"the local model does not answer within {self._client.timeout.read:g} s") from error
        except (httpx.HTTPError, ValueError) as error:
            raise NoScore(f"the local model does not answer: {error!r}") from error
        if not isinstance(found, dict):
            raise NoScore("the local model answers something else")
        return found
