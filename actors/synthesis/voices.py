"""The voices of a process: a chain of engines for each pair of `tts` and `voice` that its sessions were opened with."""

import asyncio
import logging
from collections.abc import Callable

from infra.engines.chain import EngineFailure
from infra.engines.plugins import EngineMissing, check_options
from infra.engines.tts import TextToSpeech, load_chain
from infra.engines.voice import MissingVoice
from infra.settings import Settings

log = logging.getLogger(__name__)

MOST_CHAINS = 4
"""Chains in memory at a time, that of the settings included: a Piper voice takes about 150 MB."""


class Voices:
    """Chains by the names in a session's profile, loaded on first use and then kept.

    A profile that names nothing, or the same as the settings, uses the settings' chain; so does one whose engines
    cannot be loaded here, with an EngineFailure that gives the reason.
    """

    def __init__(self, settings: Settings, load: Callable[[Settings], TextToSpeech] = load_chain) -> None:
        self._settings = settings
        self._load = load
        self._chains: dict[tuple[str, str], TextToSpeech] = {}
        self._loading = asyncio.Lock()
        self.usable = True
        """Whether an engine of the settings could be loaded."""

    async def open(self) -> None:
        """Load and warm up the chain of the settings; if it is missing, its clauses fail one by one.

        Raises UnknownOptions.
        """
        check_options(self._settings, "TTS")
        try:
            await self._add(self._own)
        except EngineMissing as error:
            log.warning("%s", error)
            self._chains[self._own] = TextToSpeech([MissingVoice(self._settings.tts, str(error))])
            self.usable = False

    async def of(self, tts: str, voice: str) -> tuple[TextToSpeech, EngineFailure | None]:
        """Return the chain for a profile's `tts` and `voice`, and the failure if the settings' chain replaces it."""
        wanted = (tts, voice) if tts.strip(" ,") else self._own
        if (chain := self._chains.get(wanted)) is not None:
            return chain, None  # others may be loading
        async with self._loading:
            try:
                return self._chains.get(wanted) or await self._add(wanted), None
            except EngineMissing as error:
                failure = EngineFailure(tts, str(error), f"used {self._settings.tts}")
                return self._chains[self._own], failure

    async def close(self) -> None:
        """Release all engines."""
        for chain in self._chains.values():
            await chain.close()

    @property
    def _own(self) -> tuple[str, str]:
        return self._settings.tts, self._settings.voice

    async def _add(self, wanted: tuple[str, str]) -> TextToSpeech:
        if len(self._chains) >= MOST_CHAINS:
            raise EngineMissing(f"{MOST_CHAINS} voices are loaded here already; another copy of synthesis has room")
        tts, voice = wanted
        chain = await asyncio.to_thread(self._load, self._settings.model_copy(update={"tts": tts, "voice": voice}))
        await chain.warm_up()
        self._chains[wanted] = chain
        return chain
