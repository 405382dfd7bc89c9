"""Erasure on a real log: no byte of the words is left, and everything else goes on."""

import pytest
from faststream.nats import NatsBroker

from contracts import events as e
from contracts.topology import AUDIO, DEAD, JOURNAL, RECORDINGS, VOICE
from infra.erasure import SessionStillOpen, UnknownSession, erase, erase_session, erase_user
from infra.erasure.receipt import out_of_reach
from infra.erasure.stored import overwrite
from infra.log.connection import connection, jetstream
from infra.log.event_log import append, facts_after, now_ns
from infra.log.tapes import tapes_of, tapes_written
from infra.memory.response_cache import ResponseCache, answer_key
from infra.session.index import session_rows
from infra.settings import Settings, settings
from tests.infra.erasure.talk import SECRET, exchange, session, store, times_on_disk
from tests.servers import NatsServer


@pytest.fixture(autouse=True)
def no_projections(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAREDEVIL_POSTGRES_URL", "off")


async def test_no_byte_of_an_erased_users_words_is_left_on_disk_and_other_users_are_untouched(
    broker: NatsBroker, nats_server: NatsServer
) -> None:
    js = jetstream(broker)
    for fact in session("s-3", "ann"):
        await append(broker, fact)
    of_ann, words_of_ann = await facts_after(broker, "s-3"), times_on_disk(nats_server.directory, SECRET)
    await store(broker, session("s-1", "samantha"))
    await store(broker, session("s-2", "samantha"))
    assert times_on_disk(nats_server.directory, SECRET) > 3 * words_of_ann
    receipt = await erase_user(broker, "samantha", "asked for it")

    assert times_on_disk(nats_server.directory, SECRET) == words_of_ann
    assert times_on_disk(nats_server.directory, "samantha") == 0
    assert await facts_after(broker, "s-3") == of_ann
    assert [(await js.stream_info(name)).state.messages for name in (AUDIO, RECORDINGS, DEAD, JOURNAL)] == [0] * 4
    assert [part.session_id for part in receipt.sessions] == ["s-1", "s-2"]
    (first, _) = receipt.sessions
    assert first.facts == {
        **dict.fromkeys(
            ("SessionOpened", "ParticipantJoined", "SummaryWritten", "mood.sensed", "ClauseSynthesized"), 1
        ),
        **dict.fromkeys(("TranscriptRevised", "UtteranceTranscribed", "ReplyStarted", "ToolCalled"), 2),
        **dict.fromkeys(("ToolReturned", "ReplyClauseWritten", "ReplyCompleted", "PlaybackFinished"), 2),
        **dict.fromkeys(("TurnEnded", "TurnRecorded", "EngineFailed"), 2),
    }
    assert (first.sound_frames, first.recording_chunks, first.tape_chunks, first.dead_letters) == (2, 3, 2, 1)
    assert first.skeleton == first.facts.total()


async def test_the_log_still_says_that_and_when_things_happened(broker: NatsBroker) -> None:
    said = session("s-1", "sam")
    await store(broker, said)
    before = {fact.event.event_id: fact for fact in await facts_after(broker, "s-1")}
    await erase_session(broker, "s-1", "asked for it")
    left = [fact.event for fact in await facts_after(broker, "s-1")]
    assert [type(fact).__name__ for fact in left] == [
        *("ParticipantJoined", "TrackPublished", "SpeechStarted", "SpeechStarted", "RecordingStored"),
        *("SessionClosed", "SessionErased"),
    ]
    erased = left[-1]
    assert isinstance(erased, e.SessionErased)
    assert erased.reason == "asked for it"
    ended = next(entry for entry in erased.skeleton if entry.event == "TurnRecorded")
    assert ended == e.ErasedFact(
        sequence=before["s-1-0-11"].sequence,
        event="TurnRecorded",
        event_id="s-1-0-11",
        time_ns=before["s-1-0-11"].event.time_ns,
        turn_id="turn-s-1-0",
        reply_id="reply-s-1-0",
    )
    assert SECRET not in repr(left)


async def test_an_erasure_that_was_cut_short_is_completed_by_the_next(
    broker: NatsBroker, nats_server: NatsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    await store(broker, session("s-1", "sam"))

    async def some(nc: object, stream: str, sequences: list[int]) -> int:
        await overwrite(connection(broker), stream, sequences[: len(sequences) // 2])
        raise ConnectionError("the machine lost power")

    with monkeypatch.context() as patch:
        patch.setattr(erase, "overwrite", some)
        with pytest.raises(ConnectionError):
            await erase_user(broker, "sam", "asked for it")
    assert times_on_disk(nats_server.directory, SECRET) > 10
    receipt = await erase_user(broker, "sam", "asked for it")
    assert times_on_disk(nats_server.directory, SECRET) == 0
    erased = [fact.event for fact in await facts_after(broker, "s-1") if isinstance(fact.event, e.SessionErased)]
    (entries,) = [[entry.sequence for entry in fact.skeleton] for fact in erased]
    assert len(entries) == len(set(entries)) == receipt.sessions[0].skeleton


async def test_erasing_again_changes_nothing(broker: NatsBroker) -> None:
    await store(broker, session("s-1", "sam"))
    await erase_session(broker, "s-1", "asked for it")
    left = await facts_after(broker, "s-1")
    receipt = await erase_session(broker, "s-1", "asked for it")
    assert receipt.sessions[0].facts == {}
    assert await facts_after(broker, "s-1") == left
    with pytest.raises(UnknownSession):
        await erase_user(broker, "sam", "asked for it")


async def test_words_that_come_after_an_erasure_are_erased_by_the_next(
    broker: NatsBroker, nats_server: NatsServer
) -> None:
    await store(broker, session("s-1", "sam"))
    await erase_session(broker, "s-1", "asked for it")
    for fact in exchange({"session_id": "s-1", "time_ns": 1}, "late", "sam"):
        await append(broker, fact)
    assert times_on_disk(nats_server.directory, SECRET) > 0
    receipt = await erase_session(broker, "s-1", "asked for it")
    assert receipt.sessions[0].facts.total() == 11
    assert times_on_disk(nats_server.directory, SECRET) == 0
    erased = [fact.event for fact in await facts_after(broker, "s-1") if isinstance(fact.event, e.SessionErased)]
    assert [fact.part for fact in erased] == [0, 1]


async def test_a_long_session_is_erased_in_several_facts(broker: NatsBroker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("infra.erasure.skeleton.MOST_ENTRIES", 10)
    await store(broker, session("s-1", "sam"))
    receipt = await erase_session(broker, "s-1", "asked for it")
    erased = [fact.event for fact in await facts_after(broker, "s-1") if isinstance(fact.event, e.SessionErased)]
    assert [fact.part for fact in erased] == list(range(len(erased)))
    assert [len(fact.skeleton) for fact in erased[:-1]] == [10] * (len(erased) - 1)
    assert sum(len(fact.skeleton) for fact in erased) == receipt.sessions[0].skeleton


@pytest.mark.slow
async def test_an_open_session_is_refused_unless_it_may_be_closed(broker: NatsBroker, nats_server: NatsServer) -> None:
    await store(broker, session("s-1", "sam", closed=False))
    with pytest.raises(SessionStillOpen, match="s-1"):
        await erase_user(broker, "sam", "asked for it")
    assert times_on_disk(nats_server.directory, SECRET) > 10
    await erase_user(broker, "sam", "asked for it", force=True)
    assert times_on_disk(nats_server.directory, SECRET) == 0
    closed = [fact.event for fact in await facts_after(broker, "s-1") if isinstance(fact.event, e.SessionClosed)]
    assert [fact.reason for fact in closed] == ["erased"]


async def test_the_receipt_says_what_cannot_be_reached(broker: NatsBroker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAREDEVIL_PULSAR_URL", "pulsar://nowhere:6650")
    settings.cache_clear()
    await store(broker, session("s-1", "sam"))
    receipt = await erase_session(broker, "s-1", "asked for it")
    assert any("Pulsar" in line for line in receipt.out_of_reach)
    assert any("llm openai:gpt-5" in line for line in receipt.out_of_reach)
    assert receipt.projections["postgres"] == "off"
    assert SECRET not in str(receipt.fields())


@pytest.mark.parametrize(
    ("variable", "value", "told"),
    [
        ("DAREDEVIL_OTLP_ENDPOINT", "http://127.0.0.1:9", ["traces", "metrics"]),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9", ["traces", "metrics"]),
        ("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "http://127.0.0.1:9", ["metrics"]),
        ("DAREDEVIL_LOG_LEVEL", "INFO", []),
    ],
)
def test_the_receipt_says_what_a_collector_has(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, told: list[str]
) -> None:
    monkeypatch.setenv(variable, value)
    beyond = out_of_reach([], Settings())
    assert [line.split()[0] for line in beyond if "at the collector" in line] == told
    assert any(line.startswith("log files") for line in beyond)


async def test_the_receipt_says_which_other_sessions_had_recalled_it(broker: NatsBroker) -> None:
    await store(broker, session("s-1", "sam"))
    for fact in session("s-2", "sam"):
        is_answer = isinstance(fact, e.ReplyStarted)
        await append(broker, fact.model_copy(update={"memories": ("reply-s-1-0",)}) if is_answer else fact)
    receipt = await erase_session(broker, "s-1", "asked for it")
    assert any("2 replies of session s-2" in line for line in receipt.remains)


async def test_a_users_cached_answers_are_dropped(broker: NatsBroker) -> None:
    cache = ResponseCache(lambda: connection(broker), ttl_s=60)
    await cache.put(answer_key("sam", ["a"]), SECRET)
    await cache.put(answer_key("ann", ["a"]), SECRET)
    await store(broker, session("s-1", "sam"))
    receipt = await erase_user(broker, "sam", "asked for it")
    assert receipt.caches == {"response cache": 1}
    assert await cache.get(answer_key("sam", ["a"])) == ""
    assert await cache.get(answer_key("ann", ["a"])) == SECRET


async def test_an_erased_session_is_still_listed_without_its_user(broker: NatsBroker) -> None:
    await store(broker, session("s-1", "sam"))
    (before,), _ = await session_rows(connection(broker))
    await erase_session(broker, "s-1", "asked for it")
    (row,), total = await session_rows(connection(broker))
    assert (row.session_id, row.opened_ns, row.user_id, row.closed) == ("s-1", before.opened_ns, "", "erased")
    assert (row.turns, total) == (before.turns, 1)


async def test_what_is_not_in_the_log_cannot_be_erased(broker: NatsBroker) -> None:
    with pytest.raises(UnknownSession):
        await erase_session(broker, "nobody-1", "asked for it")
    with pytest.raises(ValueError):
        await erase_session(broker, "*.>", "asked for it")
    assert (await jetstream(broker).stream_info(VOICE)).state.messages == 0


@pytest.mark.slow
async def test_what_actors_took_in_just_before_the_end_is_on_the_tape_in_time_to_be_erased(broker: NatsBroker) -> None:
    closed_ns = now_ns()
    just_closed = [fact.model_copy(update={"time_ns": closed_ns}) for fact in session("s-1", "sam")]
    await store(broker, just_closed)
    tape = tapes_of(broker).of("s-1")
    async with tapes_written(broker):
        tape.took("answer", [0, SECRET])
        receipt = await erase_session(broker, "s-1", "asked for it")
    assert receipt.sessions[0].tape_chunks == 3
    assert (await jetstream(broker).stream_info(JOURNAL)).state.messages == 0
