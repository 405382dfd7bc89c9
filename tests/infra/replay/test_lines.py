"""What a replay shows, in which order, and where it begins."""

import pytest

from contracts import events as e
from contracts.codec import encode
from contracts.topology import subject_of
from infra.export.conversation import Conversation, conversation_of
from infra.log.stream_reader import StoredMessage
from infra.replay.lines import NoSuchTurn, ReplayLine, ReplayStart, lines_of, start_of_turn
from infra.replay.recorded_session import RecordedSession, read_session
from tests.infra.export.a_call import START_NS, a_call


def recorded(*more: StoredMessage, at_once: bool = False) -> tuple[RecordedSession, Conversation]:
    """The call of the exports' tests, each fact stored at its own time."""
    facts = a_call().facts
    messages = [
        StoredMessage(
            number, subject_of(fact), encode(fact), {"Nats-Time-Stamp": stamp(START_NS if at_once else fact.time_ns)}
        )
        for number, fact in enumerate(facts, 1)
    ]
    return read_session("s-1", [*messages, *more], None), conversation_of(facts)


def stamp(time_ns: int) -> str:
    seconds, rest = divmod(time_ns - START_NS, 1_000_000_000)
    return f"2023-11-14T22:13:{20 + seconds:02d}.{rest:09d}Z"


def shown(lines: list[ReplayLine]) -> list[str]:
    return [line.text for line in lines]


def test_every_fact_has_a_line_in_the_logs_order_and_captions_stand_where_they_were_said() -> None:
    session, told = recorded()
    lines = lines_of(session, told, ReplayStart())
    facts = [line for line in lines if line.message is not None]
    assert [line.message.sequence for line in facts if line.message] == [m.sequence for m in session.messages]
    captions = [(round(line.at_ms), line.text) for line in lines if line.message is None]
    assert captions == [
        (200, "Agent: Hello!"),
        (1000, "User: What time is it?"),
        (2500, "Agent: It is noon."),
        (3250, "Agent: Time"),
    ]
    said = next(index for index, line in enumerate(lines) if line.text.startswith("User:"))
    assert (lines[said - 1].name, lines[said + 1].name) == ("PlaybackFinished", "SpeechEnded")
    assert [line.due_ns for line in lines] == sorted(line.due_ns for line in lines)


def test_captions_stay_between_their_facts_when_these_were_stored_at_once() -> None:
    in_time, at_once = (shown(lines_of(*recorded(at_once=each), ReplayStart())) for each in (False, True))
    assert at_once == in_time


def test_a_replay_from_a_turn_begins_with_its_first_word_and_has_all_that_follows() -> None:
    session, told = recorded()
    start = start_of_turn(session, told, 2)
    lines = lines_of(session, told, start)
    assert start.ms == 1000
    assert next(line.text for line in lines if line.message is None) == "User: What time is it?"
    first = next(line for line in lines if line.fact is not None)
    assert (first.fact.event.turn_id if first.fact else "") == "t1"
    assert shown(lines)[-1] == "the agent is cut off after “It is noon. Time” (barge-in)"


@pytest.mark.parametrize("turn", [0, 3])
def test_a_turn_that_is_not_there_is_refused_with_how_many_there_are(turn: int) -> None:
    session, told = recorded()
    with pytest.raises(NoSuchTurn, match=f"session s-1 has 2 turns, no turn {turn}"):
        start_of_turn(session, told, turn)


def test_a_message_that_this_build_cannot_read_keeps_its_place_and_says_so() -> None:
    unknown = StoredMessage(99, "voice.s-1.mood.sensed", b"\x80", {"Nats-Time-Stamp": stamp(START_NS + 9_000_000_000)})
    session, told = recorded(unknown)
    last = lines_of(session, told, ReplayStart())[-1]
    assert (last.name, last.fact, last.message) == ("mood.sensed", None, unknown)
    assert last.text.startswith("left out: fact 99 on voice.s-1.mood.sensed, an event that this program does not know")


def test_a_session_whose_words_are_gone_has_lines_but_no_captions() -> None:
    session, _ = recorded()
    assert len(lines_of(session, None, ReplayStart())) == len(session.facts)


def test_a_person_is_called_by_the_name_they_joined_with() -> None:
    call = a_call()
    call.facts.insert(
        1, e.ParticipantJoined(event_id="j", session_id="s-1", time_ns=START_NS, participant_id="user", name="Sam")
    )
    messages = [
        StoredMessage(number, subject_of(fact), encode(fact), {"Nats-Time-Stamp": stamp(fact.time_ns)})
        for number, fact in enumerate(call.facts, 1)
    ]
    lines = lines_of(read_session("s-1", messages, None), conversation_of(call.facts), ReplayStart())
    assert "Sam joins" in shown(lines)
    assert "Sam's turn ends: “What time is it?”" in shown(lines)
