"""A stock LiveKit agent whose language model is our reasoning actor, asked over NATS.

Its answers come with the actor's prompt, memory and tools, and each turn is on the log (`daredevil events`). Start a
system (`daredevil run`), then, with LIVEKIT_URL, LIVEKIT_API_KEY, LIVEKIT_API_SECRET and DAREDEVIL_NATS_URL set:

    python docs/examples/reasoning_as_llm.py dev
"""

import os

from livekit.agents import Agent, AgentServer, AgentSession, JobContext, cli, room_io

from docs.examples.local_engines import engines, turn_handling
from infra.engines.moonshine import SAMPLE_RATE_HZ
from infra.engines.reasoning_llm import ReasoningLLM

server = AgentServer()


def agent_session(nats_url: str, user_id: str) -> AgentSession[None]:
    """Return a stock session that thinks with the reasoning actor on the log at `nats_url`."""
    local = engines()
    return AgentSession(
        stt=local.stt,
        vad=local.vad,
        tts=local.tts,
        llm=ReasoningLLM(nats_url, user_id),
        # It asks once a turn is over, not before: each question is a turn of the log.
        turn_handling=turn_handling(),
    )


@server.rtc_session()
async def entrypoint(ctx: JobContext) -> None:
    """Join the room of a job."""
    person = await ctx.wait_for_participant()
    session = agent_session(os.environ["DAREDEVIL_NATS_URL"], person.identity)
    heard = room_io.AudioInputOptions(sample_rate=SAMPLE_RATE_HZ)
    # The actor has its own instructions.
    await session.start(Agent(instructions=""), room=ctx.room, room_options=room_io.RoomOptions(audio_input=heard))


if __name__ == "__main__":
    cli.run_app(server)
