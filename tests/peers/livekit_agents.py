"""LiveKit Agents as a peer: its AgentSession without a room, with our engines. Runs in its own environment."""

import asyncio

import numpy as np
from livekit import rtc
from livekit.agents import Agent, AgentSession, inference, llm
from livekit.agents.voice import io
from livekit.agents.voice.turn import TurnHandlingOptions
from livekit.plugins import openai

from infra.engines.moonshine import MoonshineSTT
from infra.engines.piper import PiperTTS
from tests.peers.caller_side import RATE_HZ, Line, PlaceCall, serve
from tests.peers.messages import Setup


class Microphone(io.AudioInput):
    """Hands the caller's frames to the session."""

    def __init__(self) -> None:
        super().__init__(label="caller")
        self._frames: asyncio.Queue[rtc.AudioFrame] = asyncio.Queue()

    async def give(self, frame: bytes) -> None:
        """Take a frame of the caller."""
        self._frames.put_nowait(rtc.AudioFrame(frame, RATE_HZ, 1, len(frame) // 2))

    async def __anext__(self) -> rtc.AudioFrame:
        return await self._frames.get()


class Loudspeaker(io.AudioOutput):
    """Plays on a clock what the session hands it, as its console does; a segment is a reply."""

    def __init__(self, line: Line) -> None:
        super().__init__(label="caller", capabilities=io.AudioOutputCapabilities(pause=False))
        self._line = line
        self._pushed_s = 0.0
        self._began_s = 0.0
        self._until_s = 0.0
        self._playout: asyncio.Task[None] | None = None

    async def capture_frame(self, frame: rtc.AudioFrame) -> None:
        """Play a frame."""
        await super().capture_frame(frame)
        if self._playout is not None:
            await asyncio.wait([self._playout])
        now_s = asyncio.get_running_loop().time()
        if not self._pushed_s:
            self._began_s = now_s
            self._line.ear.begin()
            self.on_playback_started(created_at=now_s)
        self._pushed_s += frame.duration
        self._until_s = self._line.ear.play(now_s, np.frombuffer(frame.data, np.int16), frame.sample_rate)

    def flush(self) -> None:
        """End the segment: it is over when it has been played."""
        super().flush()
        if self._pushed_s and self._playout is None:
            self._playout = asyncio.create_task(self._play_out())

    def clear_buffer(self) -> None:
        """Stop: the caller interrupts."""
        if self._playout is not None:
            self._playout.cancel()
        if self._pushed_s:
            self._over(interrupted=True)

    async def _play_out(self) -> None:
        await asyncio.sleep(self._until_s - asyncio.get_running_loop().time())
        self._over(interrupted=False)

    def _over(self, interrupted: bool) -> None:
        played_s = asyncio.get_running_loop().time() - self._began_s
        position_s = min(played_s, self._pushed_s) if interrupted else self._pushed_s
        self._pushed_s, self._playout = 0.0, None
        self.on_playback_finished(playback_position=position_s, interrupted=interrupted)


def turn_handling(tuned: bool) -> TurnHandlingOptions:
    """Return the default turn detection with the local model, or the same with less silence, and speech made ahead."""
    if not tuned:
        return TurnHandlingOptions(turn_detection=inference.TurnDetector(version="v1-mini"))
    return TurnHandlingOptions(
        turn_detection=inference.TurnDetector(version="v1-mini", unlikely_threshold=0.55),
        endpointing={"min_delay": 0.3, "max_delay": 1.0},
        preemptive_generation={"preemptive_tts": True},
    )


async def make(setup: Setup) -> PlaceCall:
    """Load the engines; return how to place a call."""
    options = setup.options
    vad = inference.VAD(model="silero")
    stt, tts = MoonshineSTT(), PiperTTS()
    await asyncio.to_thread(tts.warm)
    model = openai.LLM(
        model="local",
        api_key="none",
        base_url=f"{setup.llm_url}/v1",
        temperature=options["temperature"],
        max_completion_tokens=options["max_completion_tokens"],
        extra_body={**options["extra_body"], "seed": options["seed"], "stop": options["stop_sequences"]},
    )

    async def place(line: Line) -> str:
        session = AgentSession[None](
            stt=stt, vad=vad, llm=model, tts=tts, turn_handling=turn_handling(setup.tuned), aec_warmup_duration=None
        )
        microphone = Microphone()
        session.input.audio = microphone
        session.output.audio = Loudspeaker(line)
        heard: list[str] = []
        session.on("user_input_transcribed", lambda event: heard.append(event.transcript) if event.is_final else None)
        await session.start(_agent(setup.messages))
        try:
            await line.speak(microphone.give)
        finally:
            await session.aclose()
        return " ".join(heard)

    return place


def _agent(messages: list[dict[str, str]]) -> Agent:
    system = "\n".join(message["content"] for message in messages if message["role"] == "system")
    context = llm.ChatContext.empty()
    for message in messages:
        if message["role"] != "system":
            context.add_message(role="user" if message["role"] == "user" else "assistant", content=message["content"])
    return Agent(instructions=system, chat_ctx=context)


if __name__ == "__main__":
    serve(make)
