"""The engines of a process that hears: loaded and warm before the first track."""

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from actors.transcript.plausible import heard
from infra.engines.lane import Lane, Rank, Run
from infra.engines.plugins import LOCAL, check_options
from infra.engines.stt import OnFailure, Recognition, SpeechToText
from infra.engines.turn_detector import EndOfTurn, detector_named
from infra.engines.vad import SAMPLE_RATE_HZ, Samples, SileroVad
from infra.session.behaviour import in_each_share
from infra.settings import Settings
from infra.shares import engine_names

LOCAL_RUNS = 2
"""Runs of the local engine at a time: one for words that count, one for a guess."""

REMOTE_RUNS = 4
"""Concurrent requests to a remote engine."""


@dataclass(frozen=True, slots=True)
class Recogniser:
    """A chain of engines behind its lane."""

    engines: SpeechToText
    lane: Lane[Recognition]

    def submit(
        self,
        session_id: str,
        rank: Rank,
        samples: Samples,
        on_failure: OnFailure,
        speaks_otherwise: Callable[[], bool] = lambda: False,
    ) -> Run[Recognition]:
        """Start to recognise speech (int16, mono, 16 kHz). The result fails with NothingHeard, Overloaded, ….

        `speaks_otherwise` returns, once it is recognised, whether its speaker has just spoken another language.
        """

        async def work() -> Recognition:
            recognition = await self.engines.recognise(samples.tobytes(), on_failure)
            return heard(recognition, samples, after_another_language=speaks_otherwise())

        return self.lane.submit(session_id, rank, len(samples) / SAMPLE_RATE_HZ, work)


class SpeechEngines:
    """Voice activity, end of turn, and speech to text; all work of the local engine in this process shares a lane."""

    def __init__(self, settings: Settings) -> None:
        """Create the engines; their models are loaded later. Raises UnknownOptions."""
        check_options(settings, "STT")
        self.settings = settings
        self.vad = SileroVad()
        self.end_of_turn = EndOfTurn(detector_named(settings.end_of_turn))
        self._recognisers: dict[tuple[str, str], Recogniser] = {}
        self._detectors: dict[str, EndOfTurn] = {}

    async def warm_up(self) -> bool:
        """Run every engine of the settings once; return whether each session has one for the words that count."""
        pairs = [self.speech_to_text(share) for share in in_each_share(self.settings, "stt")]
        needed = {id(each): each for pair in pairs for each in pair}
        warming = (each.engines.warm_up(each.lane.workers if each.engines.local else 1) for each in needed.values())
        usable, _, _ = await asyncio.gather(asyncio.gather(*warming), self.vad.warm_up(), self.end_of_turn.warm_up())
        able = {each for each, can in zip(needed, usable, strict=True) if can}
        return all(id(final) in able for _, final in pairs)

    def speech_to_text(self, settings: Settings) -> tuple[Recogniser, Recogniser]:
        """Return the engines for interim and final words of a session with these settings."""
        chain = settings.stt
        # A remote engine would cost a request per interim: they are made locally wherever the final words come from,
        # unless those are streamed.
        interim = LOCAL if LOCAL in engine_names(chain) else chain
        return self._recogniser(interim, settings.stt_options), self._recogniser(chain, settings.stt_options)

    def turn_detector(self, settings: Settings) -> EndOfTurn:
        """Return the end-of-turn model of a session with these settings."""
        name = settings.end_of_turn
        if name == self.settings.end_of_turn:
            return self.end_of_turn
        if name not in self._detectors:
            self._detectors[name] = EndOfTurn(detector_named(name))
        return self._detectors[name]

    def waited_s(self) -> float:
        """Return how long the oldest run whose words count has been waiting, over all lanes."""
        return max((each.lane.waited_s() for each in self._recognisers.values()), default=0.0)

    def behind(self) -> bool:
        """Return whether recognition is behind real time."""
        return max((each.lane.behind() for each in self._recognisers.values()), default=False)

    async def aclose(self) -> None:
        """Release all engines."""
        self.vad.close()
        for recogniser in self._recognisers.values():
            await recogniser.lane.aclose()
            await recogniser.engines.aclose()

    def _recogniser(self, chain: str, options: Mapping[str, object]) -> Recogniser:
        # The local engine takes no options: one model serves all sessions.
        key = chain, json.dumps(options, sort_keys=True) if options and chain != LOCAL else ""
        if key not in self._recognisers:
            engines = SpeechToText(chain, dict(options), self.settings.stt_timeout_s)
            lane: Lane[Recognition] = Lane(LOCAL_RUNS if engines.local else REMOTE_RUNS)
            self._recognisers[key] = Recogniser(engines, lane)
        return self._recognisers[key]
