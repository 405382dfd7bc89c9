"""The engines of a process that hears: loaded and warm before the first track."""

import asyncio

from infra.engines.stt import SpeechToText
from infra.engines.turn_detector import EndOfTurn, detector_named
from infra.engines.vad import SileroVad
from infra.settings import Settings


class Ears:
    """Voice activity, end of turn, and two lanes of speech to text: a started interim never delays the final run."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.vad = SileroVad()
        self.end_of_turn = EndOfTurn(detector_named(settings.end_of_turn))
        self._lanes: dict[str, tuple[SpeechToText, SpeechToText]] = {}

    async def warm_up(self) -> None:
        """Run every engine of the settings once."""
        interim, final = self.speech_to_text(self.settings.stt)
        await asyncio.gather(self.vad.warm_up(), self.end_of_turn.warm_up(), interim.warm_up(), final.warm_up())

    def speech_to_text(self, chain: str) -> tuple[SpeechToText, SpeechToText]:
        """Return the lanes (interim, final) of a chain of engines; empty takes the settings' chain."""
        chain = chain or self.settings.stt
        if chain not in self._lanes:
            options, timeout_s = self.settings.stt_options, self.settings.stt_timeout_s
            # Interims cost a request each elsewhere: they are made here whatever the final words come from.
            interim = "local" if "local" in chain else chain
            self._lanes[chain] = (SpeechToText(interim, options, timeout_s), SpeechToText(chain, options, timeout_s))
        return self._lanes[chain]

    async def aclose(self) -> None:
        """Let all engines go."""
        self.vad.close()
        for lanes in self._lanes.values():
            for lane in lanes:
                await lane.aclose()
