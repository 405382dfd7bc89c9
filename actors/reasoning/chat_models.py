"""The chat models of a process: created on first use, and kept."""

import asyncio
import json
import logging
from collections import OrderedDict
from collections.abc import AsyncGenerator, Callable

from langchain_core.language_models import BaseChatModel

from actors.reasoning.model_chunks import PARTS, AskModel, ModelRequest, Part, chunks
from actors.reasoning.model_span import traced
from infra.engines.llm import model_names, options_of
from infra.session.behaviour import in_each_share, public_options
from infra.settings import Settings
from infra.tape.deliveries import digest_of
from infra.tape.tape import Tape

log = logging.getLogger(__name__)

MakeChatModel = Callable[[str, Settings], BaseChatModel]

MOST_MODELS = 32
"""Clients kept at a time: each is small, but sessions may have options of their own."""


class ChatModels:
    """Creates models by name and options; `make` may take seconds and raises what the model's provider raises."""

    def __init__(self, settings: Settings, make: MakeChatModel) -> None:
        self._settings = settings
        self._make = make
        self._made: OrderedDict[tuple[str, str], BaseChatModel] = OrderedDict()
        self.any_made = True
        """Whether `load` could create one of the settings' models, or of those of each share."""

    async def load(self) -> None:
        """Create the settings' models. One that cannot be created is tried again when it is needed."""
        self.any_made = True
        for share in in_each_share(self._settings, "llm"):
            made = [await self._is_made(name, share) for name in model_names(share.llm)]
            self.any_made = self.any_made and any(made)

    async def _is_made(self, name: str, session: Settings) -> bool:
        try:
            await self.of(name, session)
        except Exception as error:  # providers raise exceptions of their own; a call tries again and reports it
            log.warning("%s", error)
            return False
        return True

    async def of(self, name: str, session: Settings) -> BaseChatModel:
        """Return the model of this name for a session with these settings. Raises what its provider raises."""
        said = [session.llm, session.llm_options, session.reply_max_tokens, session.llm_timeout_s]
        made_with = json.dumps(said, sort_keys=True)
        if (name, made_with) not in self._made:
            self._made[name, made_with] = await asyncio.to_thread(self._make, name, session)
            if len(self._made) > MOST_MODELS:
                self._made.popitem(last=False)
        return self._made[name, made_with]

    def forget(self, name: str) -> None:
        """Create a model again next time: its server may have come back at another address."""
        for key in [key for key in self._made if key[0] == name]:
            del self._made[key]

    def digest(self, request: ModelRequest, session: Settings) -> str:
        """Return the digest of a request: the same for all that a model cannot tell apart. Empty if it has none."""
        try:
            return bytes(digest_of([request.plain(public_options(options_of(request.name, session)))])).hex()
        except (TypeError, ValueError, OverflowError):  # options of a class of one's own
            return ""

    def ask(self, tape: Tape, reply_id: str, session: Settings) -> AskModel:
        """Return the function that asks a model for a reply; what it answers passes through the tape.

        `session` are the settings of the session.
        """

        def ask(request: ModelRequest) -> AsyncGenerator[Part, None]:
            plain = request.plain(public_options(options_of(request.name, session)))
            timeout_s = session.llm_timeout_s

            def answered() -> AsyncGenerator[Part, None]:
                return traced(chunks(lambda: self.of(request.name, session), request, timeout_s), request.name, session)

            return tape.parts("model", reply_id, plain, answered, PARTS)

        return ask
