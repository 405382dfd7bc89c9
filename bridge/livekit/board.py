"""What everybody in the room is shown: captions as text streams, and the agent's state as its attribute."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass

from livekit import rtc

from bridge.livekit.captions import AgentSays, Caption, PersonSays

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


class Board:
    """Shows in the order of coming, by one task of its own. `speaker_of` names a participant; None is the agent."""

    def __init__(self, room: rtc.Room, speaker_of: Callable[[str | None], Speaker | None]) -> None:
        self._room = room
        self._speaker_of = speaker_of
        self._waiting: asyncio.Queue[Caption | _State] = asyncio.Queue(MAX_WAITING)
        self._writer: rtc.TextStreamWriter | None = None
        self._segment_id = ""
        self._state = ""

    def show(self, caption: Caption) -> None:
        """Show a caption after those before it; when the room takes none any more they are left out."""
        self._put(caption)

    def set_state(self, state: str) -> None:
        """Show what the agent is doing."""
        if state != self._state:
            self._state = state
            self._put(_State(state))

    def _put(self, what: Caption | _State) -> None:
        try:
            self._waiting.put_nowait(what)
        except asyncio.QueueFull:
            log.debug("the room takes no captions; one is left out")

    async def run(self) -> None:
        """Show what comes, until cancelled."""
        while True:
            what = await self._waiting.get()
            try:
                async with asyncio.timeout(SEND_TIMEOUT_S):
                    await self._send(what)
            except Exception as error:  # the SDK raises plain ones; a caption that is lost must not end the others
                log.debug("showing %r: %r", what, error)
                self._writer = None

    async def _send(self, what: Caption | _State) -> None:
        match what:
            case PersonSays():
                await self._person_says(what)
            case AgentSays():
                await self._agent_says(what)
            case _State(state):
                await self._room.local_participant.set_attributes({STATE_ATTRIBUTE: state})

    async def _person_says(self, caption: PersonSays) -> None:
        speaker = self._speaker_of(caption.participant_id)
        if speaker is None:
            return  # gone meanwhile
        writer = await self._open(speaker, caption.segment_id, caption.final)
        await writer.write(caption.text)
        await writer.aclose()

    async def _agent_says(self, caption: AgentSays) -> None:
        speaker = self._speaker_of(None)
        if speaker is None:
            return
        if self._writer is None or self._segment_id != caption.segment_id:
            if self._writer is not None:
                await self._writer.aclose()
            if not caption.text:
                self._writer = None
                return
            self._writer = await self._open(speaker, caption.segment_id, final=False)
            self._segment_id = caption.segment_id
        if caption.text:
            await self._writer.write(caption.text)
        if caption.final:
            writer, self._writer = self._writer, None
            await writer.aclose(attributes=_attributes(speaker, caption.segment_id, final=True))

    async def _open(self, speaker: Speaker, segment_id: str, final: bool) -> rtc.TextStreamWriter:
        return await self._room.local_participant.stream_text(
            topic=TRANSCRIPTION_TOPIC,
            sender_identity=speaker.identity,
            attributes=_attributes(speaker, segment_id, final),
        )


def _attributes(speaker: Speaker, segment_id: str, final: bool) -> dict[str, str]:
    attributes = {SEGMENT_ID: segment_id, FINAL: "true" if final else "false"}
    return attributes | ({TRACK_ID: speaker.track_sid} if speaker.track_sid else {})
