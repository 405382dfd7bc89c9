"""The chat models of a process: created on first use, and kept."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable

from langchain_core.language_models import BaseChatModel

from actors.reasoning.model_chunks import PARTS, AskModel, ModelRequest, Part, chunks
from contracts import events as e
from infra.engines.llm import model_names, options_of
from infra.settings import Settings
from infra.tape.tape import Tape

log = logging.getLogger(__name__)

MakeChatModel = Callable[[str, Settings], BaseChatModel]


class ChatModels:
    """Creates models by name; `make` may take seconds and raises what the model's provider raises."""

    def __init__(self, settings: Settings, make: MakeChatModel) -> None:
        self._settings = settings
        self._make = make
        self._made: dict[str, BaseChatModel] = {}
        self.any_made = True
        """Whether `load` could create one of the settings' models."""

    async def load(self) -> None:
        """Create the settings' models. One that cannot be created is tried again when it is needed."""
        self.any_made = False
        for name in model_names(self._settings.llm):
            try:
                await self.of(name)
                self.any_made = True
            except Exception as error:  # providers raise exceptions of their own; a call tries again and reports it
                log.warning("%s", error)

    async def of(self, name: str) -> BaseChatModel:
        """Return the model of this name. Raises what its provider raises."""
        if name not in self._made:
            self._made[name] = await asyncio.to_thread(self._make, name, self._settings)
        return self._made[name]

    def forget(self, name: str) -> None:
        """Create a model again next time: its server may have come back at another address."""
        self._made.pop(name, None)

    def names(self, profile: e.AgentProfile | None) -> list[str]:
        """Return the models of a session in order of preference: its profile's, else those of the settings."""
        return model_names(profile.llm if profile is not None and profile.llm.strip(" ,") else self._settings.llm)

    def ask(self, tape: Tape, reply_id: str) -> AskModel:
        """Return the function that asks a model for a reply; what it answers passes through the tape."""

        def ask(request: ModelRequest) -> AsyncGenerator[Part, None]:
            plain = request.plain(options_of(request.name, self._settings))
            timeout_s = self._settings.llm_timeout_s
            return tape.parts(
                "model", reply_id, plain, lambda: chunks(lambda: self.of(request.name), request, timeout_s), PARTS
            )

        return ask
