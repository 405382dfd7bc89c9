"""What everybody in the room is shown: captions as text streams, and the agent's state as its attribute."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass

from livekit import rtc

from bridge.livekit.captions import AgentSays, Caption, PersonSays
from infra.process.tasks import own_cancellation_only

log = logging.getLogger(__name__)

TRANSCRIPTION_TOPIC = "lk.transcription"
SEGMENT_ID, FINAL, TRACK_ID = "lk.segment_id", "lk.transcription_final", "lk.transcribed_track_id"
STATE_ATTRIBUTE = "lk.agent.state"

MAX_WAITING = 500
SEND_TIMEOUT_S = 5.0


@dataclass(frozen=True, slots=True)
class Speaker:
    """Whose words a caption is: an identity, and the sid of their microphone's track, empty if there is none."""

    identity: str
    track_sid: str


@dataclass(frozen=True, slots=True)
class _State:
    state: str


@dataclass(frozen=True, slots=True)
class _Again:
    pass


class Board:
    """Shows captions in the order in which they come. `speaker_of` names a participant; None is the agent.

    What is on its way when a connection breaks is lost. So every caption ends as a stream with all its words, the
    agent's after the one that grew; a later stream of a segment takes the place of an earlier one.
    """

    def __init__(self, room: rtc.Room, speaker_of: Callable[[str | None], Speaker | None]) -> None:
        self._room = room
        self._speaker_of = speaker_of
        self._waiting: asyncio.Queue[Caption | _State | _Again] = asyncio.Queue(MAX_WAITING)
        self._agents: AgentSays | None = None
        """The agent's last caption, with all its words so far."""
        self._writer: rtc.TextStreamWriter | None = None
        """The stream in which it grows."""
        self._state = ""

    def show(self, caption: Caption) -> None:
        """Show a caption after those before it; once the room accepts no more, captions are left out."""
        self._put(caption)

    def set_state(self, state: str) -> None:
        """Show what the agent is doing."""
        if state != self._state:
            self._state = state
            self._put(_State(state))

    def show_again(self) -> None:
        """Show the agent's last caption again, for those who have just joined or come back."""
        self._put(_Again())

    def _put(self, what: Caption | _State | _Again) -> None:
        try:
            self._waiting.put_nowait(what)
        except asyncio.QueueFull:
            log.debug("the room takes no captions; one is left out")

    async def run(self) -> None:
        """Show captions as they come, until cancelled."""
        while True:
            what = await self._waiting.get()
            try:
                with own_cancellation_only():
                    async with asyncio.timeout(SEND_TIMEOUT_S):
                        await self._send(what)
            except Exception as error:  # the SDK raises plain exceptions; a lost caption must not end the others
                log.debug("showing %r: %r", what, error)
                self._writer = None

    async def _send(self, what: Caption | _State | _Again) -> None:
        match what:
            case PersonSays():
                speaker = self._speaker_of(what.participant_id)
                if speaker is not None:  # not gone meanwhile
                    await self._show_whole(speaker, what)
            case AgentSays():
                await self._agent_says(what)
            case _Again():
                await self._stop_growing()
                if self._agents is not None:
                    await self._show_agents(self._agents)
            case _State(state):
                await self._room.local_participant.set_attributes({STATE_ATTRIBUTE: state})

    async def _agent_says(self, more: AgentSays) -> None:
        before = self._agents
        if before is None or before.segment_id != more.segment_id:
            await self._stop_growing()
            before = AgentSays(more.segment_id, "")
        self._agents = AgentSays(more.segment_id, before.text + more.text, more.final)
        if self._writer is not None and not more.final:
            await self._writer.write(more.text)
        else:
            await self._stop_growing()
            await self._show_agents(self._agents)

    async def _show_agents(self, caption: AgentSays) -> None:
        speaker = self._speaker_of(None)
        if speaker is None or not caption.text:
            return
        if caption.final:
            await self._show_whole(speaker, caption)
        else:
            self._writer = await self._open(speaker, caption)
            await self._writer.write(caption.text)

    async def _stop_growing(self) -> None:
        if self._writer is not None:
            writer, self._writer = self._writer, None
            try:
                await writer.aclose()
            except Exception as error:  # see `run`; its words come again in another stream
                log.debug("ending a caption's stream: %r", error)

    async def _show_whole(self, speaker: Speaker, caption: Caption) -> None:
        writer = await self._open(speaker, caption)
        await writer.write(caption.text)
        await writer.aclose()

    async def _open(self, speaker: Speaker, caption: Caption) -> rtc.TextStreamWriter:
        attributes = {SEGMENT_ID: caption.segment_id, FINAL: "true" if caption.final else "false"}
        if speaker.track_sid:
            attributes[TRACK_ID] = speaker.track_sid
        return await self._room.local_participant.stream_text(
            topic=TRANSCRIPTION_TOPIC, sender_identity=speaker.identity, attributes=attributes
        )
