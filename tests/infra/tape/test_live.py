"""What an actor takes in is published in chunks, and a chunk that is lost leaves a gap."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from contracts.journal import JournalChunk, decode_chunk
from contracts.topology import journal_subject
from infra.process.tasks import ended
from infra.tape import live
from infra.tape.deliveries import digest_of
from infra.tape.live import CHUNK_BYTES, LiveTapes, new_instance
from infra.tape.tape import Packing
from tests.waiting import until

EPOCH_NS = 1_795_372_215_000_000_000


class Clock:
    """Time that passes when a test says so."""

    def __init__(self) -> None:
        self.elapsed = 5_000_000_000

    def elapsed_ns(self) -> int:
        return self.elapsed

    def time_ns(self) -> int:
        return EPOCH_NS + self.elapsed

    def passes(self, ms: float) -> None:
        self.elapsed += int(ms * 1e6)


class Nats:
    """Keeps what is published, while it can be reached."""

    def __init__(self) -> None:
        self.published: list[tuple[str, bytes]] = []
        self.is_there = True

    async def publish(self, session_id: str, data: bytes) -> bool:
        if self.is_there:
            self.published.append((session_id, data))
        return self.is_there

    @property
    def chunks(self) -> list[JournalChunk]:
        return [decode_chunk(journal_subject(session, "reasoning"), data) for session, data in self.published]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def nats() -> Nats:
    return Nats()


@pytest.fixture
def tapes(clock: Clock, nats: Nats) -> LiveTapes:
    return LiveTapes("reasoning", "reasoning-3f9c", "0.1.0", nats.publish, clock.time_ns, clock.elapsed_ns)


@pytest.fixture
async def writing(tapes: LiveTapes) -> AsyncIterator[None]:
    task = asyncio.create_task(tapes.write())
    yield
    await ended(task)


async def test_deliveries_are_published_with_their_distances_and_the_copys_name(
    tapes: LiveTapes, clock: Clock, nats: Nats
) -> None:
    first_ns = clock.time_ns()
    tapes.of("s-1").took_fact("handled", 17)
    clock.passes(1.5)
    tapes.of("s-1").took("tick", {"at": 3})
    tapes.of("s-1").took("tick", None, first_ns + 1_000)
    await tapes.finish()
    [chunk] = nats.chunks
    assert (chunk.session_id, chunk.actor, chunk.instance, chunk.build) == (
        "s-1",
        "reasoning",
        "reasoning-3f9c",
        "0.1.0",
    )
    assert (chunk.n, chunk.basis, chunk.idle) == (0, 17, True)
    assert [(each.at_ns, each.kind, each.payload) for each in chunk.deliveries] == [
        (first_ns, "handled", 17),
        (first_ns + 1_500_000, "tick", {"at": 3}),
        (first_ns + 1_000, "tick", None),
    ]


@pytest.mark.usefixtures("writing")
async def test_a_chunk_is_written_two_seconds_after_its_first_delivery(
    tapes: LiveTapes, clock: Clock, nats: Nats
) -> None:
    tapes.of("s-1").took("tick", 1)
    clock.passes(1_900)
    tapes.of("s-1").took("tick", 2)
    tapes.of("s-2").took("tick", 1)
    clock.passes(101)
    await until(lambda: bool(nats.published))
    assert [(chunk.session_id, len(chunk.deliveries)) for chunk in nats.chunks] == [("s-1", 2)]
    clock.passes(1_900)
    await until(lambda: len(nats.published) == 2)
    assert nats.chunks[1].session_id == "s-2"


@pytest.mark.usefixtures("writing")
async def test_a_chunk_is_written_when_it_is_large(tapes: LiveTapes, nats: Nats) -> None:
    tapes.of("s-1").took("recall", "x" * CHUNK_BYTES)
    tapes.of("s-1").took("recall", "y" * CHUNK_BYTES)
    await until(lambda: len(nats.published) == 2)
    assert [chunk.n for chunk in nats.chunks] == [0, 1]


@pytest.mark.usefixtures("writing")
async def test_the_end_of_a_turn_writes_the_chunk_once_its_handler_has_ended(tapes: LiveTapes, nats: Nats) -> None:
    tape = tapes.of("s-1")
    with tape.working():
        tape.took_fact("handled", 3)
        tape.turn_is_over()
        assert not nats.published
        tape.took_fact("appended", 4)
    await until(lambda: bool(nats.published))
    [chunk] = nats.chunks
    assert (len(chunk.deliveries), chunk.basis, chunk.idle) == (2, 4, True)


async def test_a_chunk_that_ends_within_a_handler_or_while_a_result_is_awaited_is_not_idle(
    tapes: LiveTapes, nats: Nats
) -> None:
    tape = tapes.of("s-1")
    with tape.working():
        tape.took("tick")
        await tapes.finish()
    answer: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    asked = asyncio.ensure_future(tape.result("llm", "reply-1", [], lambda: answer))
    await asyncio.sleep(0)
    await tapes.finish()
    answer.set_result("yes")
    await asked
    await tapes.finish()
    assert [chunk.idle for chunk in nats.chunks] == [False, False, True]


async def test_when_nothing_follows_a_chunk_that_was_not_idle_an_empty_one_says_that_it_is_now(
    tapes: LiveTapes, nats: Nats
) -> None:
    tape = tapes.of("s-1")
    with tape.working():
        tape.took_fact("handled", 4)
        await tapes.finish()
    await tapes.finish()
    with tape.working():
        pass
    await tapes.finish()
    assert [(chunk.n, chunk.idle, chunk.basis, len(chunk.deliveries)) for chunk in nats.chunks] == [
        (0, False, 4, 1),
        (1, True, 4, 0),
    ]


async def test_a_result_notes_what_was_asked_and_when_it_was_handed_over(
    tapes: LiveTapes, clock: Clock, nats: Nats
) -> None:
    first_ns = clock.time_ns()

    async def ask() -> tuple[str, int]:
        clock.passes(70)
        return ("yes", 1)

    packing: Packing[tuple[str, int]] = Packing(list, lambda plain: (plain[0], plain[1]))
    assert await tapes.of("s-1").result("recall", "reply-1", {"b": 1, "a": [2]}, ask, packing) == ("yes", 1)
    await tapes.finish()
    digest = digest_of({"a": (2,), "b": 1})
    assert [(each.at_ns, each.kind, each.payload) for each in nats.chunks[0].deliveries] == [
        (first_ns, "asked", [0, "recall", "reply-1", digest]),
        (first_ns + 70_000_000, "answer", [0, ["yes", 1]]),
    ]


async def test_a_failure_is_noted_and_raised(tapes: LiveTapes, nats: Nats) -> None:
    async def broken() -> str:
        raise RuntimeError("no model")

    with pytest.raises(RuntimeError, match="no model"):
        await tapes.of("s-1").result("llm", "reply-1", [], broken)
    await tapes.finish()
    assert nats.chunks[0].deliveries[1].payload == [0, "RuntimeError", "no model"]
    assert [each.kind for each in nats.chunks[0].deliveries] == ["asked", "failed"]


async def test_pieces_and_their_end_are_noted_and_nothing_after_nobody_listens(tapes: LiveTapes, nats: Nats) -> None:
    closed = []

    async def pieces() -> AsyncIterator[str]:
        try:
            yield "a"
            yield "b"
        finally:
            closed.append(True)

    tape = tapes.of("s-1")
    assert [part async for part in tape.parts("llm", "reply-1", [], pieces)] == ["a", "b"]
    left = tape.parts("llm", "reply-2", [], pieces)
    assert await anext(left) == "a"
    await left.aclose()
    await tapes.finish()
    assert [(each.kind, each.payload) for each in nats.chunks[0].deliveries if each.kind != "asked"] == [
        ("part", [0, "a"]),
        ("part", [0, "b"]),
        ("end", [0]),
        ("part", [1, "a"]),
    ]
    assert closed == [True, True]
    assert nats.chunks[0].idle


async def test_a_request_that_nobody_waits_for_is_not_in_progress(tapes: LiveTapes, nats: Nats) -> None:
    task = asyncio.ensure_future(tapes.of("s-1").result("llm", "reply-1", [], asyncio.Event().wait))
    await asyncio.sleep(0)
    await ended(task)
    await tapes.finish()
    assert [each.kind for each in nats.chunks[0].deliveries] == ["asked"]
    assert nats.chunks[0].idle


@pytest.mark.parametrize("payload", [object(), "x" * 300_000, "\ud800"])
async def test_what_cannot_be_noted_leaves_a_gap_and_harms_nobody(
    tapes: LiveTapes, nats: Nats, payload: object
) -> None:
    tape = tapes.of("s-1")
    tape.took("tick", 1)
    tape.took("odd", payload)

    async def ask() -> object:
        return payload

    assert await tape.result("odd", "key", [], ask) is payload
    tape.took("tick", 2)
    await tapes.finish()
    assert [chunk.n for chunk in nats.chunks] == [0, 2, 4]
    assert tapes.dropped == 2


async def test_a_time_that_is_none_leaves_a_gap(tapes: LiveTapes, nats: Nats) -> None:
    tapes.of("s-1").took("tick", 1)
    tapes.of("s-1").took("tick", 2, "now")  # type: ignore[arg-type]
    tapes.of("s-1").took("tick", 3, 7e9)  # type: ignore[arg-type]
    await tapes.finish()
    assert [(chunk.n, [each.payload for each in chunk.deliveries]) for chunk in nats.chunks] == [(0, [1]), (2, [3])]


async def test_a_request_that_has_no_digest_leaves_a_gap_and_is_asked(tapes: LiveTapes, nats: Nats) -> None:
    async def ask() -> str:
        return "yes"

    assert await tapes.of("s-1").result("llm", "reply-1", object(), ask) == "yes"
    await tapes.finish()
    assert [chunk.n for chunk in nats.chunks] == [1]


@pytest.mark.usefixtures("writing")
async def test_while_nats_is_away_chunks_wait_and_the_oldest_are_given_up(
    tapes: LiveTapes, nats: Nats, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(live, "WAITING_BYTES", 1_000)
    nats.is_there = False
    for number in range(200):
        tapes.of("s-1").took("tick", number)
        tapes.of("s-1").turn_is_over()
    assert tapes.dropped > 100
    assert caplog.text.count("chunks of tapes are dropped") == 1
    nats.is_there = True
    await until(lambda: bool(nats.chunks) and nats.chunks[-1].n == 199)
    assert [chunk.n for chunk in nats.chunks] == list(range(tapes.dropped, 200))


async def test_only_so_many_sessions_have_a_tape_and_what_is_in_progress_stays(
    tapes: LiveTapes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "SESSIONS", 3)
    kept = tapes.of("s-0")
    with kept.working():
        for number in range(1, 10):
            assert tapes.of(f"s-{number}").basis == 0
        assert tapes.of("s-0") is kept
        newest = tapes.of("s-9")
        assert tapes.of("s-9") is newest
    first = tapes.of("s-1")
    assert first is tapes.of("s-1")


def test_copies_have_names_of_their_own() -> None:
    names = {new_instance("livekit-room") for _ in range(20)}
    assert len(names) > 15
    assert all(name.startswith("livekit-room-") and len(name) == len("livekit-room-3f9c") for name in names)
