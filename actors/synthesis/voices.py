"""The voices of a process: a chain of engines for each `tts`, `voice` and `tts_options` of its sessions."""

import asyncio
import json
import logging
from collections.abc import Callable

from infra.engines.chain import EngineFailure
from infra.engines.plugins import EngineMissing, check_options
from infra.engines.tts import TextToSpeech, load_chain
from infra.engines.voice import MissingVoice
from infra.session.behaviour import in_each_share
from infra.settings import Settings

log = logging.getLogger(__name__)

MOST_CHAINS = 4
"""Chains in memory at a time, one of the settings' included: a Piper voice takes about 150 MB."""


Wanted = tuple[str, str, str]
"""Engines, voice, and options (JSON)."""


class Voices:
    """Chains of engines, loaded on first use and then kept.

    A session whose engines cannot be loaded here uses the chain of the process's settings (of the first share if they
    name several), with an EngineFailure that gives the reason.
    """

    def __init__(self, settings: Settings, load: Callable[[Settings], TextToSpeech] = load_chain) -> None:
        self._settings = settings
        self._load = load
        self._chains: dict[Wanted, TextToSpeech] = {}
        self._loading = asyncio.Lock()
        self.usable = True
        """Whether an engine of the settings could be loaded."""

    async def open(self) -> None:
        """Load and warm up the chain of the settings, or of each share; if one is missing, its clauses fail one by one.

        Raises UnknownOptions.
        """
        check_options(self._settings, "TTS")
        for share in in_each_share(self._settings, "tts"):
            try:
                await self._add(share)
            except EngineMissing as error:
                log.warning("%s", error)
                self._chains[_wanted(share)] = TextToSpeech([MissingVoice(share.tts, str(error))])
                self.usable = False

    @property
    def loaded(self) -> list[TextToSpeech]:
        """The chains in memory."""
        return list(self._chains.values())

    async def of(self, session: Settings) -> tuple[TextToSpeech, EngineFailure | None]:
        """Return the chain of a session with these settings, and the failure if the process's replaces it."""
        wanted = _wanted(session)
        if (chain := self._chains.get(wanted)) is not None:
            return chain, None  # others may be loading
        async with self._loading:
            try:
                return self._chains.get(wanted) or await self._add(session), None
            except EngineMissing as error:
                own = in_each_share(self._settings, "tts")[0]
                return self._chains[_wanted(own)], EngineFailure(session.tts, str(error), f"used {own.tts}")

    async def close(self) -> None:
        """Release all engines."""
        for chain in self._chains.values():
            await chain.close()

    async def _add(self, session: Settings) -> TextToSpeech:
        most = MOST_CHAINS + len(in_each_share(self._settings, "tts")) - 1
        if len(self._chains) >= most:
            raise EngineMissing(f"{most} voices are loaded here already; another copy of synthesis has room")
        chain = await asyncio.to_thread(self._load, session)
        await chain.warm_up()
        self._chains[_wanted(session)] = chain
        return chain


def _wanted(settings: Settings) -> Wanted:
    return settings.tts, settings.voice, json.dumps(settings.tts_options, sort_keys=True)
