"""The cached answer of a model to exactly the same input: looked up before the request, stored after it."""

from collections.abc import Sequence

from langchain_core.messages import BaseMessage

from infra.memory.response_cache import ResponseCache, answer_key
from infra.session.behaviour import public_options
from infra.settings import Settings
from infra.tape.tape import Tape


class KnownAnswer:
    """The cached answer of one reply. Its key: the model, its options, and every message it is given.

    Keys of providers and addresses are among the options, but not in what the tape has of a request: a replay runs
    elsewhere, and later.
    """

    def __init__(
        self,
        cache: ResponseCache,
        tape: Tape,
        reply_id: str,
        user_id: str,
        model: str,
        settings: Settings,
        by_text: bool,
    ) -> None:
        self._cache = cache
        self._tape = tape
        self._reply_id = reply_id
        self._user_id = user_id
        self._about = [model, settings.llm_options, settings.reply_max_tokens, by_text]
        self._told = [model, public_options(settings.llm_options), settings.reply_max_tokens, by_text]
        self._key = ""

    async def find(self, messages: Sequence[BaseMessage]) -> str:
        """Return the answer, empty if unknown."""
        plain = [[message.type, message.text] for message in messages]
        key = answer_key(self._user_id, [*self._about, plain])
        request = {"user": self._user_id, "about": self._told, "messages": plain}
        answer = await self._tape.result("known-answer", self._reply_id, request, lambda: self._cache.get(key))
        self._key = "" if answer else key
        return answer

    def forget(self) -> None:
        """Do not store the current answer: it is not this model's."""
        self._key = ""

    async def keep(self, answer: str) -> None:
        """Store the answer if it was unknown."""
        if self._key:
            await self._cache.put(self._key, answer)
