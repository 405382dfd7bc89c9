"""Makes a model's input fit its context, counted in its own tokens: the oldest is dropped first, the question stays."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from langchain_core.messages import BaseMessage

from actors.reasoning.context import shortened, with_text
from actors.reasoning.prompts import Background, prompt_messages
from contracts.events import ContextMessage
from infra.engines.llm import limits_of
from infra.engines.tokens import Count

log = logging.getLogger(__name__)

MESSAGE_TOKENS = 8
"""Tokens that a chat template puts around a message: its role and the marks of its beginning and end."""
SPARE_TOKENS = 48
MOST_STEPS = 24
SMALL_SHARE = 0.7
"""When its input no longer fits, a small model is given less than would fit, so that it need not reread each turn."""


@dataclass(frozen=True, slots=True)
class Given:
    """What a model is given: a prompt, a background and a question that fit together."""

    prompt: str
    background: Background
    question: str
    _made: dict[str, list[BaseMessage]] = field(default_factory=dict, init=False, repr=False, compare=False)

    def messages(self, name: str) -> list[BaseMessage]:
        """Return the messages for the model of this name: made once, as LangChain's take a while to make."""
        if name not in self._made:
            self._made[name] = prompt_messages(name, self.prompt, self.background, self.question)
        return list(self._made[name])


async def tokens_of(name: str, texts: Sequence[str], count: Count) -> int:
    """Return how many tokens messages with these texts have for the model of this name."""
    return sum(await count(name, texts)) + MESSAGE_TOKENS * len(texts)


async def fitted_to(
    name: str,
    given: Given,
    count: Count,
    answer_tokens: int,
    reserved: Sequence[str] = (),
    most_tokens: int | None = None,
) -> Given:
    """Return what of `given` fits the model of this name, with room for `answer_tokens` and the texts `reserved`.

    `most_tokens` is a tighter limit for all messages. Something that can be answered is always left: older
    exchanges go first, then what was recalled, the summary, and the middle of the question and of the prompt.
    """
    limits = limits_of(name)
    budget = limits.context_tokens - min(answer_tokens, limits.context_tokens // 4) - SPARE_TOKENS
    budget = min(budget, most_tokens or budget) - await tokens_of(name, reserved, count)
    given = await _shorter(name, _within_chars(given, limits.question_chars), count)
    for _ in range(MOST_STEPS):
        texts = [message.text for message in given.messages(name)]
        tokens = await tokens_of(name, texts, count)
        if tokens <= budget:
            break
        given = await _reduced(name, given, tokens - budget, count)
    return given


def _within_chars(given: Given, most: int) -> Given:
    heard = [with_text(message, shortened(message.text, most)) for message in given.background.heard]
    return replace(given, background=replace(given.background, heard=heard), question=cut(given.question, most))


async def _shorter(name: str, given: Given, count: Count) -> Given:
    """Return it with each message short enough to be read in time, equally for what was asked and what was heard."""
    most = limits_of(name).message_tokens
    if not most:
        return given
    texts = [given.question, *(message.text for message in given.background.heard)]
    await count(name, texts)  # in one request
    question, *heard = [await _cut_to(name, text, most, count) for text in texts]
    told = [with_text(message, text) for message, text in zip(given.background.heard, heard, strict=True)]
    return replace(given, background=replace(given.background, heard=told), question=question)


async def _reduced(name: str, given: Given, excess: int, count: Count) -> Given:
    """Return a smaller input: by at least `excess` tokens if one step can do that."""
    background = given.background
    if background.heard:
        wanted = int(excess / SMALL_SHARE) if not limits_of(name).tools else excess
        heard = await _without_oldest(name, background.heard, wanted, count)
        return replace(given, background=replace(background, heard=heard))
    if background.memory:
        return replace(given, background=replace(background, memory="", memories=()))
    if background.summary:
        return replace(given, background=replace(background, summary=""))
    asked, told = await count(name, [given.question, given.prompt])
    if asked >= told:
        log.warning("a text of %d tokens does not fit the context of %s: its middle is left out", asked, name)
        return replace(given, question=await _cut_to(name, given.question, asked - excess, count))
    log.warning("a prompt of %d tokens does not fit the context of %s: its middle is left out", told, name)
    return replace(given, prompt=await _cut_to(name, given.prompt, max(told - excess, told // 2), count))


async def _without_oldest(
    name: str, heard: Sequence[ContextMessage], excess: int, count: Count
) -> Sequence[ContextMessage]:
    counts = await count(name, [message.text for message in heard])
    kept, dropped = list(heard), 0
    for tokens in counts:
        if dropped >= excess and kept[0].role not in ("assistant", "tool"):
            break
        kept.pop(0)
        dropped += tokens
        if not kept:
            break
    return kept


async def _cut_to(name: str, text: str, most: int, count: Count) -> str:
    """Return a text of at most `most` tokens, or of its first and last words if that is more."""
    (tokens,) = await count(name, [text])
    if tokens > most:
        text = text.strip()
        (tokens,) = await count(name, [text])
    whole, chars = text, len(text)
    while tokens > most and chars > 40:
        chars = max(40, min(chars - 1, int(chars * max(most, 1) / tokens * 0.95)))
        text = cut(whole, chars)
        (tokens,) = await count(name, [text])
    return text


def cut(text: str, chars: int) -> str:
    """Return a text of at most about `chars` characters, with a note where the middle of a longer one is left out."""
    text = text.strip()
    if len(text) <= chars:
        return text
    note = f" [… {len(text) - chars} characters are left out here …] "
    room = max(chars - len(note), 8)
    tail = room // 4
    return text[: room - tail].rstrip() + note + text[len(text) - tail :].lstrip()
