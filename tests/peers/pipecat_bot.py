"""Pipecat as a peer: its pipeline with a transport of memory, with our engines. Runs in its own environment."""

import asyncio
from collections.abc import AsyncGenerator

import numpy as np
from pipecat.audio.turn.smart_turn.base_smart_turn import SmartTurnParams
from pipecat.audio.turn.smart_turn.local_smart_turn_v3 import LocalSmartTurnAnalyzerV3
from pipecat.audio.vad.silero import SileroVADAnalyzer
from pipecat.frames.frames import (
    Frame,
    InputAudioRawFrame,
    InterruptionFrame,
    OutputAudioRawFrame,
    StartFrame,
    TranscriptionFrame,
    TTSAudioRawFrame,
)
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import LLMContextAggregatorPair, LLMUserAggregatorParams
from pipecat.processors.frame_processor import FrameDirection
from pipecat.services.openai.llm import OpenAILLMService
from pipecat.services.settings import STTSettings, TTSSettings
from pipecat.services.stt_service import SegmentedSTTService
from pipecat.services.tts_service import TTSService
from pipecat.transports.base_input import BaseInputTransport
from pipecat.transports.base_output import BaseOutputTransport
from pipecat.transports.base_transport import TransportParams
from pipecat.turns.user_stop import TurnAnalyzerUserTurnStopStrategy
from pipecat.turns.user_turn_strategies import UserTurnStrategies
from pipecat.utils.time import time_now_iso8601
from pipecat.workers.runner import WorkerRunner

from infra.engines.moonshine_model import MoonshineModel
from infra.engines.piper import PiperTTS
from tests.peers.caller_side import RATE_HZ, Line, PlaceCall, serve
from tests.peers.messages import Setup


class Microphone(BaseInputTransport):
    """Hands the caller's frames to the pipeline."""

    def __init__(self, params: TransportParams) -> None:
        super().__init__(params)
        self.ready = asyncio.Event()

    async def start(self, frame: StartFrame) -> None:
        """Start, as Pipecat's own local transport does."""
        await super().start(frame)
        await self.set_transport_ready(frame)
        self.ready.set()

    async def give(self, frame: bytes) -> None:
        """Take a frame of the caller."""
        await self.push_audio_frame(InputAudioRawFrame(frame, RATE_HZ, 1))


class Loudspeaker(BaseOutputTransport):
    """Plays on a clock what the pipeline writes; an interruption ends a reply."""

    def __init__(self, params: TransportParams, line: Line) -> None:
        super().__init__(params)
        self._line = line

    async def start(self, frame: StartFrame) -> None:
        """Start, as Pipecat's own local transport does."""
        await super().start(frame)
        await self.set_transport_ready(frame)

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Take note of interruptions."""
        if isinstance(frame, InterruptionFrame):
            self._line.ear.begin()
        await super().process_frame(frame, direction)

    async def write_audio_frame(self, frame: OutputAudioRawFrame) -> bool:
        """Play a frame; like a device, take the next one when this one has been played."""
        loop = asyncio.get_running_loop()
        until_s = self._line.ear.play(loop.time(), np.frombuffer(frame.audio, np.int16), frame.sample_rate)
        await asyncio.sleep(until_s - loop.time())
        return True


class Moonshine(SegmentedSTTService):
    """Our speech to text, as Pipecat's own Moonshine service runs it: a segment at a time, in a thread."""

    def __init__(self, model: MoonshineModel, heard: list[str], trailing_silence_s: float) -> None:
        settings = STTSettings(model="moonshine-tiny-en", language=None)
        super().__init__(sample_rate=RATE_HZ, trailing_silence_secs=trailing_silence_s, settings=settings)
        self._engine = model
        self._heard = heard

    @property
    def wants_wav_segments(self) -> bool:
        """Take samples."""
        return False

    async def run_stt(self, audio: bytes) -> AsyncGenerator[Frame, None]:
        """Recognise a segment."""
        samples = np.frombuffer(audio, np.int16).astype(np.float32) / np.float32(32768)
        found = await asyncio.to_thread(self._engine.hear, samples)
        if found.text:
            self._heard.append(found.text)
            yield TranscriptionFrame(found.text, "caller", time_now_iso8601(), finalized=True)


class Piper(TTSService):
    """Our voice."""

    def __init__(self, voice: PiperTTS) -> None:
        settings = TTSSettings(model=None, voice=None, language=None)
        super().__init__(push_start_frame=True, push_stop_frames=True, sample_rate=voice.sample_rate, settings=settings)
        self._engine = voice

    async def run_tts(self, text: str, context_id: str) -> AsyncGenerator[Frame | None, None]:
        """Synthesise a text, piece by piece."""
        coming = self._engine.pieces(text)
        while (piece := await self._engine.run(lambda: next(coming, None))) is not None:
            yield TTSAudioRawFrame(piece.pcm, self._engine.sample_rate, 1, context_id=context_id)


def strategies(tuned: bool) -> UserTurnStrategies | None:
    """Return the default turn detection (None), or the same with a higher bar for the end and less silence at most."""
    if not tuned:
        return None
    analyzer = SurerSmartTurn(params=SmartTurnParams(stop_secs=1.0))
    return UserTurnStrategies(stop=[TurnAnalyzerUserTurnStopStrategy(turn_analyzer=analyzer)])


class SurerSmartTurn(LocalSmartTurnAnalyzerV3):
    """Smart Turn with its bar for an end at 0.8; Pipecat's own, 0.5, is not a setting."""

    BAR = 0.8

    def _predict_endpoint(self, audio_array: np.ndarray) -> dict[str, float]:
        found: dict[str, float] = super()._predict_endpoint(audio_array)
        return {**found, "prediction": int(found["probability"] > self.BAR)}


async def make(setup: Setup) -> PlaceCall:
    """Load the engines; return how to place a call."""
    model = await asyncio.to_thread(_warm_model)
    voice = PiperTTS()
    await asyncio.to_thread(voice.warm)

    async def place(line: Line) -> str:
        heard: list[str] = []
        context = LLMContext(messages=[dict(message) for message in setup.messages])
        params = TransportParams(
            audio_in_enabled=True,
            audio_out_enabled=True,
            audio_out_10ms_chunks=2 if setup.tuned else 4,
        )
        microphone, loudspeaker = Microphone(params), Loudspeaker(params, line)
        user = LLMUserAggregatorParams(vad_analyzer=SileroVADAnalyzer(), user_turn_strategies=strategies(setup.tuned))
        aggregators = LLMContextAggregatorPair(context, user_params=user)
        stages = [
            microphone,
            Moonshine(model, heard, 0.1 if setup.tuned else 0.5),
            aggregators.user(),
            _language_model(setup),
            Piper(voice),
            loudspeaker,
            aggregators.assistant(),
        ]
        rates = PipelineParams(audio_in_sample_rate=RATE_HZ, audio_out_sample_rate=voice.sample_rate)
        worker = PipelineWorker(Pipeline(stages), params=rates)
        runner = WorkerRunner(handle_sigint=False)
        await runner.add_workers(worker)
        running = asyncio.create_task(runner.run())
        try:
            async with asyncio.timeout(10):
                await microphone.ready.wait()
            await line.speak(microphone.give)
        finally:
            await runner.cancel()
            await running
        return " ".join(heard)

    return place


def _warm_model() -> MoonshineModel:
    model = MoonshineModel()
    model.hear(np.zeros(RATE_HZ, np.float32))
    return model


def _language_model(setup: Setup) -> OpenAILLMService:
    options = setup.options
    extra = {**options["extra_body"], "stop": options["stop_sequences"]}
    settings = OpenAILLMService.Settings(
        model="local",
        temperature=options["temperature"],
        seed=options["seed"],
        max_completion_tokens=options["max_completion_tokens"],
        extra={"extra_body": extra},
    )
    return OpenAILLMService(api_key="none", base_url=f"{setup.llm_url}/v1", settings=settings)


if __name__ == "__main__":
    serve(make)
