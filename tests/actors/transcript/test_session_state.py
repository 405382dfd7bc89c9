from typing import Any

from actors.transcript.barge_in import Company
from actors.transcript.resume import resume_point, resumed_turn
from actors.transcript.session_state import MOST_HELD, SessionState
from contracts import events as e
from infra.log.event_log import Fact

TRACK = e.TrackPublished(event_id="tp", session_id="s-1", time_ns=10**18, track_id="t-1", participant_id="p-1")


def about(event_id: str, **fields: Any) -> dict[str, Any]:
    return {"event_id": event_id, "session_id": "s-1", "time_ns": 10**18, "participant_id": "p-1", **fields}


def started(n: int, start: int, turn: str = "turn-1", over: str | None = None) -> e.SpeechStarted:
    fields = about(f"ss{n}", turn_id=turn, utterance_id=f"u{n}", track_id="t-1", start_sample=start)
    return e.SpeechStarted(**fields, over_reply_id=over)


def ended(n: int, start: int, end: int) -> e.SpeechEnded:
    fields = about(f"se{n}", utterance_id=f"u{n}", track_id="t-1", start_sample=start, end_sample=end)
    return e.SpeechEnded(**fields, speech_ended_ns=1)


def transcribed(n: int, text: str) -> e.UtteranceTranscribed:
    return e.UtteranceTranscribed(**about(f"ut{n}", utterance_id=f"u{n}", text=text, start_sample=0, end_sample=1))


def no_speech(n: int) -> e.UtteranceDismissed:
    return e.UtteranceDismissed(**about(f"ud{n}", utterance_id=f"u{n}", reason="no-words"))


def reply(name: str, draft: bool = False) -> e.ReplyStarted:
    return e.ReplyStarted(event_id=f"rs{name}", session_id="s-1", time_ns=1, reply_id=name, draft=draft, text="")


def view_of(*events: e.Event) -> SessionState:
    view = SessionState()
    for place, event in enumerate(events):
        view.apply(Fact(place + 1, event))
    return view


def test_a_draft_has_the_floor_only_when_it_is_committed() -> None:
    view = view_of(reply("r1", draft=True))
    assert view.floor_reply() is None
    view.apply(Fact(2, e.ReplyCommitted(event_id="rc", session_id="s-1", time_ns=1, reply_id="r1")))
    floor = view.floor_reply()
    assert floor is not None
    assert floor.reply_id == "r1"


def test_a_reply_that_was_played_or_interrupted_has_the_floor_no_more() -> None:
    finished = e.PlaybackFinished(
        event_id="pf", session_id="s-1", time_ns=1, reply_id="r1", heard_text="", played_samples=1
    )
    interrupted = e.TurnInterrupted(**about("ti", reply_id="r1"))
    assert view_of(reply("r1"), finished).floor_reply() is None
    assert view_of(reply("r1"), interrupted).floor_reply() is None


def test_a_reply_whose_end_was_never_said_does_not_come_back() -> None:
    finished = e.PlaybackFinished(
        event_id="pf", session_id="s-1", time_ns=1, reply_id="r2", heard_text="", played_samples=1
    )
    assert view_of(reply("r1"), reply("r2"), finished).floor_reply() is None


def test_the_same_fact_twice_changes_nothing() -> None:
    clause = e.ReplyClauseWritten(event_id="c", session_id="s-1", time_ns=1, reply_id="r1", index=0, text="Hi.")
    view = view_of(reply("r1"), clause, clause)
    assert view.replies["r1"].clauses == ["Hi."]


def test_the_fence_expects_the_last_fact_about_turns_whoever_said_it() -> None:
    turn = e.TurnEnded(**about("te", turn_id="turn-1", text="hi"))
    passed = e.TurnPassed(**about("tp", turn_id="turn-1", reason="unnamed"))
    assert view_of(started(1, 512), turn, reply("r1")).turn_sequence == 2
    assert view_of(started(1, 512), turn, passed, reply("r1")).turn_sequence == 3


def test_a_new_owner_begins_just_before_the_open_utterance() -> None:
    view = view_of(started(1, 51_200))
    point = resume_point(view, TRACK)
    assert point.heard_to == 51_200
    assert point.first_sample == 51_200 - 32 * 512
    turn = resumed_turn(view, TRACK)
    assert turn is not None
    assert turn.turn_id == "turn-1"
    assert turn.last.end is None


def test_a_new_owner_knows_the_words_of_earlier_utterances_of_the_turn() -> None:
    view = view_of(started(1, 512), ended(1, 512, 8192), transcribed(1, "I want"), started(2, 16_384))
    turn = resumed_turn(view, TRACK)
    assert turn is not None
    assert turn.utterances[0].text == "I want"
    assert turn.last.start == 16_384


def test_a_new_owner_goes_on_behind_a_turn_that_has_ended() -> None:
    turn_ended = e.TurnEnded(**about("te", turn_id="turn-1", text="hi"))
    view = view_of(started(1, 512), ended(1, 512, 8000), transcribed(1, "hi"), turn_ended)
    assert resumed_turn(view, TRACK) is None
    assert resume_point(view, TRACK).heard_to == 8192


def test_a_cough_leaves_no_turn_open() -> None:
    view = view_of(started(1, 512), ended(1, 512, 8192), transcribed(1, ""), no_speech(1))
    assert resumed_turn(view, TRACK) is None


def test_a_cough_whose_end_was_not_said_is_heard_again() -> None:
    view = view_of(started(1, 512), ended(1, 512, 8192), transcribed(1, ""))
    turn = resumed_turn(view, TRACK)
    assert turn is not None
    assert turn.last.start == 512
    assert resume_point(view, TRACK).heard_to == 512


def test_words_of_an_earlier_utterance_that_were_never_said_are_heard_again() -> None:
    view = view_of(started(1, 512), ended(1, 512, 8192), started(2, 16_384), started(3, 32_768))
    turn = resumed_turn(view, TRACK)
    assert turn is not None
    assert [u.start for u in turn.utterances] == [512]
    assert [each.start_sample for each in turn.to_come] == [16_384, 32_768]
    assert resume_point(view, TRACK).heard_to == 512


def test_a_dismissed_interruption_leaves_no_turn_open() -> None:
    dismissed = e.InterruptionDismissed(**about("id", reply_id="r1", utterance_id="u1", reason="backchannel"))
    view = view_of(reply("r1"), started(1, 512, over="r1"), ended(1, 512, 8192), transcribed(1, "mhm"), dismissed)
    assert resumed_turn(view, TRACK) is None


def profile(addressee: str) -> e.SessionOpened:
    agent = {"prompt": "", "llm": "", "stt": "local", "tts": "", "agent_name": "Daredevil", "addressee": addressee}
    fields = {"event_id": "so", "session_id": "s-1", "time_ns": 1, "door": "livekit", "user_id": ""}
    return e.SessionOpened.model_validate({**fields, "profile": agent})


def joined(who: str, name: str = "") -> e.ParticipantJoined:
    fields = {"event_id": f"pj-{who}", "session_id": "s-1", "time_ns": 1, "participant_id": who, "name": name}
    return e.ParticipantJoined.model_validate({**fields, "kind": "agent" if who == "agent" else "person"})


def left(who: str) -> e.ParticipantLeft:
    return e.ParticipantLeft(event_id=f"pl-{who}", session_id="s-1", time_ns=1, participant_id=who, reason="left")


def test_the_company_of_a_person_is_who_else_is_there_besides_the_agent() -> None:
    view = view_of(profile("named"), joined("agent", "Daredevil"), joined("sam", "Sam"))
    assert view.company_of("sam") == Company("named", "Daredevil", ())
    view.apply(Fact(4, joined("kim")))
    assert view.company_of("sam") == Company("named", "Daredevil", ("kim",))
    assert view.company_of("kim") == Company("named", "Daredevil", ("Sam",))
    view.apply(Fact(5, left("kim")))
    assert view.company_of("sam").others == ()


def test_words_that_were_said_among_people_leave_their_turn_open() -> None:
    dismissed = e.InterruptionDismissed(**about("id", reply_id="r1", utterance_id="u1", reason="unaddressed"))
    view = view_of(reply("r1"), started(1, 512, over="r1"), ended(1, 512, 8192), transcribed(1, "i am sam"), dismissed)
    turn = resumed_turn(view, TRACK)
    assert turn is not None
    assert turn.last.judged
    assert not turn.last.dismissed


def test_who_has_just_spoken_another_language_is_known_to_a_new_owner() -> None:
    foreign = e.UtteranceDismissed(**about("ud1", utterance_id="u1", reason="language"))
    over_reply = foreign.model_copy(update={"over_reply_id": "r1"})
    assert view_of(started(1, 512), foreign).otherwise == {"p-1"}
    assert view_of(started(1, 512), over_reply).otherwise == set()
    assert view_of(started(1, 512), foreign, transcribed(2, "What time is it?")).otherwise == set()


def hour() -> list[e.Event]:
    """Return 600 turns, each with one utterance and a reply that is heard."""
    facts: list[e.Event] = []
    for n in range(600):
        facts += [started(n, n * 96_000, f"turn-{n}"), ended(n, n * 96_000, n * 96_000 + 48_000), transcribed(n, "Hi.")]
        facts.append(e.TurnEnded(**about(f"te{n}", turn_id=f"turn-{n}", text="Hi.")))
        facts.append(reply(f"r{n}"))
        over: dict[str, Any] = {"reply_id": f"r{n}", "played_samples": 1, "heard_text": "Yes."}
        facts.append(e.PlaybackFinished(event_id=f"pf{n}", session_id="s-1", time_ns=1, **over))
    return facts


def test_a_long_call_holds_the_last_replies_and_utterances_only() -> None:
    view = view_of(*hour())
    assert len(view.replies) <= MOST_HELD
    assert len(view.utterances) <= MOST_HELD + 1
    assert view.floor_reply() is None


def test_a_long_call_resumes_behind_what_was_processed_whatever_was_dropped() -> None:
    view = view_of(*hour())
    assert resume_point(view, TRACK).heard_to == (599 * 96_000 + 48_000 + 511) // 512 * 512


def test_utterances_of_a_turn_that_goes_on_are_all_held() -> None:
    view = view_of(*(started(n, n * 16_000) for n in range(2 * MOST_HELD)))
    assert len(view.open_turn("t-1")) == 2 * MOST_HELD
