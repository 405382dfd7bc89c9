"""What a room gets of the captions, with a room that keeps what it is sent and may lose a connection."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, cast

from bridge.livekit.board import FINAL, SEGMENT_ID, TRACK_ID, Board, Speaker
from bridge.livekit.captions import AgentSays, PersonSays
from tests.waiting import until


@dataclass
class Stream:
    room: "Room"
    sender: str
    attributes: dict[str, str]
    text: str = ""
    ended: bool = False

    async def write(self, text: str) -> None:
        self.room.check()
        self.text += text

    async def aclose(self) -> None:
        self.room.check()
        self.ended = True

    @property
    def shown(self) -> tuple[str, str, str, bool]:
        return self.attributes[SEGMENT_ID], self.text, self.attributes[FINAL], self.ended


@dataclass
class Room:
    broken: bool = False
    streams: list[Stream] = field(default_factory=list)
    attributes: list[dict[str, str]] = field(default_factory=list)

    @property
    def local_participant(self) -> "Room":
        return self

    def check(self) -> None:
        if self.broken:
            raise RuntimeError("engine: connection closed")

    async def stream_text(self, *, topic: str, sender_identity: str, attributes: dict[str, str]) -> Stream:
        self.check()
        assert topic == "lk.transcription"
        self.streams.append(Stream(self, sender_identity, attributes))
        return self.streams[-1]

    async def set_attributes(self, attributes: dict[str, str]) -> None:
        self.attributes.append(attributes)

    @property
    def shown(self) -> list[tuple[str, str, str, bool]]:
        return [stream.shown for stream in self.streams]


def speaker_of(participant_id: str | None) -> Speaker | None:
    return {None: Speaker("agent", "TR_a"), "ada": Speaker("Ada", "")}.get(participant_id)


@asynccontextmanager
async def showing(room: Room) -> AsyncIterator[Board]:
    board = Board(cast(Any, room), speaker_of)
    work = asyncio.create_task(board.run())
    try:
        yield board
    finally:
        work.cancel()
        await asyncio.wait([work])


async def all_is_shown(board: Board, room: Room) -> None:
    """Wait until what was put on the board so far has been tried: the state comes after it."""
    count = len(room.attributes)
    board.set_state(f"state {count}")
    await until(lambda: len(room.attributes) > count)


async def test_the_agents_caption_grows_and_then_comes_whole() -> None:
    room = Room()
    async with showing(room) as board:
        for text in ("Hello", " there.", ""):
            board.show(AgentSays("r-1", text, final=not text))
        await all_is_shown(board, room)
    assert room.shown == [("r-1", "Hello there.", "false", True), ("r-1", "Hello there.", "true", True)]
    assert {(stream.sender, stream.attributes[TRACK_ID]) for stream in room.streams} == {("agent", "TR_a")}


async def test_the_next_reply_ends_the_stream_of_one_that_did_not_end() -> None:
    room = Room()
    async with showing(room) as board:
        board.show(AgentSays("r-1", "Hello"))
        board.show(AgentSays("r-2", "Yes"))
        await all_is_shown(board, room)
    assert room.shown == [("r-1", "Hello", "false", True), ("r-2", "Yes", "false", False)]


async def test_who_comes_in_mid_reply_is_shown_it_from_its_first_word() -> None:
    room = Room()
    async with showing(room) as board:
        board.show(AgentSays("r-1", "Hello"))
        board.show_again()
        board.show(AgentSays("r-1", " there."))
        await all_is_shown(board, room)
    assert room.shown == [("r-1", "Hello", "false", True), ("r-1", "Hello there.", "false", False)]


async def test_who_was_away_at_its_end_is_shown_it_again() -> None:
    room = Room()
    async with showing(room) as board:
        board.show(AgentSays("r-1", "Hello"))
        board.show(AgentSays("r-1", "", final=True))
        board.show_again()
        await all_is_shown(board, room)
    assert room.shown[1:] == [("r-1", "Hello", "true", True)] * 2


async def test_words_that_could_not_be_sent_come_with_those_that_follow() -> None:
    room = Room()
    async with showing(room) as board:
        board.show(AgentSays("r-1", "Hello"))
        await all_is_shown(board, room)
        room.broken = True
        board.show(AgentSays("r-1", " there,"))
        await all_is_shown(board, room)
        room.broken = False
        board.show(AgentSays("r-1", " Sam."))
        board.show(PersonSays("t-1", "ada", "hi", final=True))
        await all_is_shown(board, room)
    assert room.shown[-2:] == [("r-1", "Hello there, Sam.", "false", False), ("t-1", "hi", "true", True)]


async def test_nothing_is_shown_again_before_the_agent_has_spoken_and_of_persons_who_are_gone() -> None:
    room = Room()
    async with showing(room) as board:
        board.show_again()
        board.show(AgentSays("r-1", "", final=True))
        board.show(PersonSays("t-1", "bob", "hi", final=False))
        await all_is_shown(board, room)
    assert room.shown == []


async def test_the_state_is_shown_once_as_long_as_it_stays() -> None:
    room = Room()
    async with showing(room) as board:
        board.set_state("listening")
        board.set_state("listening")
        await all_is_shown(board, room)
    assert room.attributes[0] == {"lk.agent.state": "listening"}
    assert len(room.attributes) == 2
