"""A stock LiveKit agent that hears and speaks with our local engines: no key, no network but the LiveKit server.

Run it beside a LiveKit server, with LIVEKIT_URL, LIVEKIT_API_KEY and LIVEKIT_API_SECRET set:

    python docs/examples/local_engines.py dev

Any other `stt`, `vad` or `tts` of LiveKit's plugins fits in the same places.
"""

from dataclasses import dataclass

from livekit.agents import Agent, AgentServer, AgentSession, JobContext, TurnHandlingOptions, cli, room_io, vad
from livekit.plugins import silero

from infra.engines.moonshine import SAMPLE_RATE_HZ, MoonshineSTT
from infra.engines.piper import PiperTTS

server = AgentServer()


@dataclass(frozen=True, slots=True)
class Engines:
    """What hears and speaks: each of them an ordinary LiveKit plugin."""

    stt: MoonshineSTT
    vad: vad.VAD
    tts: PiperTTS


def engines() -> Engines:
    """Return the local engines; they load their models when they are used first."""
    return Engines(MoonshineSTT(), silero.VAD.load(), PiperTTS())


def turn_handling() -> TurnHandlingOptions:
    """Return that the `vad` decides on turns and interruptions: LiveKit's own detectors would ask its cloud."""
    return TurnHandlingOptions(
        turn_detection="vad", interruption={"mode": "vad"}, preemptive_generation={"enabled": False}
    )


def agent_session(local: Engines) -> AgentSession[None]:
    """Return a stock session on them. Moonshine recognises whole utterances: LiveKit cuts them by the `vad`."""
    return AgentSession(
        stt=local.stt,
        vad=local.vad,
        tts=local.tts,
        turn_handling=turn_handling(),
    )


class Parrot(Agent):
    """Says again what it has understood: put a language model (`llm=…`) in its place."""

    def __init__(self) -> None:
        super().__init__(instructions="")

    async def on_user_turn_completed(self, turn_ctx: object, new_message: object) -> None:
        """Answer a turn."""
        self.session.say(f"You said: {getattr(new_message, 'text_content', '')}")


@server.rtc_session()
async def entrypoint(ctx: JobContext) -> None:
    """Join the room of a job."""
    session = agent_session(engines())
    heard = room_io.AudioInputOptions(sample_rate=SAMPLE_RATE_HZ)
    await session.start(Parrot(), room=ctx.room, room_options=room_io.RoomOptions(audio_input=heard))


if __name__ == "__main__":
    cli.run_app(server)
