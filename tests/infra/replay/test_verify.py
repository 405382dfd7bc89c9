"""What a verification says of a session: exactly what was verified, what was not, and why."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from typer.testing import CliRunner

from contracts import events as e
from contracts.codec import encode
from contracts.topology import subject_of
from infra.cli.ages import age_s
from infra.cli.app import app
from infra.cli.replay_verify import exit_code, ids_in
from infra.log.event_log import Fact
from infra.log.stream_reader import StoredMessage
from infra.process.build import build
from infra.replay.recorded_session import RecordedFact, RecordedSession, UnreadFact
from infra.replay.report import as_fields, details, summary
from infra.replay.session_tapes import LostTape, SessionTapes
from infra.replay.verify import Verification, verify
from tests.infra.replay.test_schedule import COPY, DELIVERIES, FACTS, SESSION, built, stretch_of

OPENED = e.SessionOpened(
    event_id="o",
    session_id=SESSION,
    time_ns=1,
    door="test",
    user_id="sam",
    appended_by="bridge-1",
    profile=e.AgentProfile(prompt="", llm="local", stt="local", tts="local"),
)
CLOSED = e.SessionClosed(
    event_id="c", session_id=SESSION, time_ns=2_000_000_000, reason="hangup", appended_by="bridge-1"
)
ALL = [Fact(1, OPENED), *FACTS, Fact(9, CLOSED)]


def session(facts: Sequence[Fact] = tuple(ALL), **more: Any) -> RecordedSession:
    messages = [StoredMessage(fact.sequence, subject_of(fact.event), encode(fact.event)) for fact in facts]
    recorded = tuple(RecordedFact(fact.event, message) for fact, message in zip(facts, messages, strict=True))
    return RecordedSession(SESSION, tuple(messages), recorded, **more)


WHOLE = SessionTapes((stretch_of(DELIVERIES),))


def verified(of: RecordedSession | None = None, tapes: SessionTapes = WHOLE, changed: str = "") -> Verification:
    return verify(of or session(), tapes, {"toy": built(changed)})


def said(done: Verification) -> str:
    return "\n".join([summary(done), *details(done, ALL)])


def test_a_session_that_comes_out_as_it_was_is_identical_and_says_what_was_given() -> None:
    done = verified()
    assert (done.status, done.same, exit_code([done])) == ("identical", 2, 0)
    assert summary(done).startswith("identical: 2 facts, 1 turn, ")
    assert "x real time" in summary(done)
    assert "given, not verified: bridge 2, unknown 1" in said(done)


def test_a_difference_is_shown_with_both_facts_what_it_had_and_where_it_was_decided() -> None:
    done = verified(changed="text")
    assert (done.status, exit_code([done])) == ("different", 1)
    text = said(done)
    assert "fact 5, ReplyClauseWritten, differs in text" in text
    assert "* text" in text
    assert '"hi"' in text
    assert '"hi!"' in text
    assert "read up to fact 4" in text
    assert max(map(len, text.splitlines()[1:])) <= 100


def test_where_a_request_differs_first_the_first_fact_that_differs_after_it_is_named_with_both_sides() -> None:
    done = verified(changed="request and text")
    named = "fact 5, ReplyClauseWritten, differs in text"
    assert f"engine of t1 is asked otherwise (text), and so {named}" in summary(done)
    text = said(done)
    assert f"the first fact that differs after it: {named}" in text
    assert text.count('"hi!"') == 1
    assert "and so" not in summary(verified(changed="request"))
    assert "differs after it" not in said(verified(changed="text"))


def test_a_session_without_a_tape_is_not_called_identical() -> None:
    done = verified(tapes=SessionTapes())
    assert (done.status, done.same, exit_code([done])) == ("unverified", 0, 2)
    assert "nothing of it is on a tape" in summary(done)
    assert "identical" not in summary(done)


def test_a_copy_that_was_killed_names_its_stretch_and_the_facts_in_it() -> None:
    cut = stretch_of(DELIVERIES[:3], is_cut=True, last=4)
    lost = LostTape("toy", COPY, 20_000_000, 1_500_000_000, "it ended in the midst of its work", basis=3)
    done = verified(tapes=SessionTapes((cut,), (lost,)))
    assert done.status == "unverified"
    [stretch] = done.lost
    assert (stretch.from_ns, stretch.to_ns, stretch.facts) == (FACTS[-1].event.time_ns, 1_500_000_000, 2)
    assert f"from 0.000 s to 1.500 s {COPY}: it ended in the midst of its work (2 facts)" in summary(done)


def test_a_fact_of_a_copy_that_has_no_tape_at_all_is_not_passed_over() -> None:
    other = FACTS[-1].event.model_copy(update={"event_id": "x", "appended_by": "toy-2"})
    done = verified(session([*ALL[:-1], Fact(8, other), ALL[-1]]))
    assert done.status == "unverified"
    [stretch] = done.lost
    assert (stretch.instance, stretch.facts) == ("toy-2", 1)
    assert "no tape says what it took in" in summary(done)


def test_a_copy_that_was_killed_just_after_it_was_at_rest_has_appended_what_nobody_can_verify() -> None:
    rest = stretch_of(DELIVERIES, last=7)
    later = FACTS[-1].event.model_copy(update={"event_id": "later", "turn_id": "turn-2"})
    done = verified(session([*ALL[:-1], Fact(8, later), ALL[-1]]), SessionTapes((rest,)))
    assert done.differences == []
    [stretch] = done.lost
    assert (stretch.from_ns, stretch.facts) == (
        later.time_ns,
        1,
    )  # it was decided before the tape's end, and stored after
    assert "what it took in last was never written" in summary(done)


def test_what_a_killed_copy_lost_ends_with_the_last_fact_that_it_appended_not_when_another_took_over() -> None:
    cut = stretch_of(DELIVERIES[:3], is_cut=True, last=4)
    lost = LostTape("toy", COPY, 2, 9_000_000_000, "it ended in the midst of its work", basis=3, is_end=True)
    done = verified(tapes=SessionTapes((cut,), (lost,)))
    [stretch] = done.lost
    assert (stretch.from_ns, stretch.to_ns, stretch.facts) == (2, FACTS[-1].event.time_ns, 2)
    none_left = verified(tapes=SessionTapes((stretch_of(DELIVERIES, is_cut=True),), (lost,)))
    assert [(each.from_ns, each.to_ns, each.facts) for each in none_left.lost] == [(2, 2, 0)]


def test_a_copy_that_was_at_rest_for_long_lost_no_more_than_a_chunk_before_its_last_fact() -> None:
    rest = stretch_of(DELIVERIES, last=7)
    seconds = 1_000_000_000
    later = FACTS[-1].event.model_copy(update={"event_id": "later", "turn_id": "turn-2", "time_ns": 9 * seconds})
    done = verified(session([*ALL[:-1], Fact(8, later), ALL[-1]]), SessionTapes((rest,)))
    [stretch] = done.lost
    assert (stretch.from_ns, stretch.to_ns) == (7 * seconds, 9 * seconds)


def test_a_copy_that_was_killed_at_work_after_a_long_wait_lost_no_more_than_a_chunk_before_its_last_fact() -> None:
    seconds = 1_000_000_000
    cut = stretch_of(DELIVERIES, is_cut=True, last=7)
    lost = LostTape("toy", COPY, 1 * seconds, None, "it ended in the midst of its work", basis=7, is_end=True)
    later = FACTS[-1].event.model_copy(update={"event_id": "later", "turn_id": "turn-2", "time_ns": 9 * seconds})
    done = verified(session([*ALL[:-1], Fact(8, later), ALL[-1]]), SessionTapes((cut,), (lost,)))
    [stretch] = done.lost
    assert (stretch.from_ns, stretch.to_ns, stretch.facts) == (7 * seconds, 9 * seconds, 1)


def test_an_actor_that_lacks_something_here_is_not_run_and_says_what_to_do() -> None:
    lacking = replace(built("text"), lacks=lambda facts: "this build has no agent 'shop'")
    done = verify(session(), WHOLE, {"toy": lacking})
    assert (done.status, done.differences, done.same, exit_code([done])) == ("unverified", [], 0, 2)
    assert done.remarks == ["this build has no agent 'shop'"]
    assert "given, not verified: bridge 2, toy 2" in said(done)


def test_a_session_that_still_runs_is_told_apart_from_what_could_not_be_verified() -> None:
    done = verified(session(ALL[:-1], is_open=True))
    assert (done.status, done.same) == ("open", 2)
    assert summary(done).startswith("still open: 2 facts came out as they were so far")
    assert "still running" in " ".join(said(done).split())
    assert "still running" in as_fields(done)["remarks"][0]


def test_open_sessions_change_no_exit_code_but_are_not_identical() -> None:
    running, ended = verified(session(ALL[:-1], is_open=True)), verified()
    lost = verified(tapes=SessionTapes())
    assert [exit_code(done) for done in ([running, ended], [running], [running, lost])] == [0, 2, 2]


LATER_NS = FACTS[-1].event.time_ns + 5_000_000_000
CUT = SessionTapes(
    (stretch_of(DELIVERIES[:3], is_cut=True, last=4),),
    (LostTape("toy", COPY, 20_000_000, None, "it ended in the midst of its work", basis=3),),
)


def test_what_a_running_session_did_last_is_still_being_written_and_not_lost() -> None:
    done = verified(session(ALL[:-1], is_open=True, read_ns=LATER_NS), CUT)
    assert (done.status, done.lost, done.unwritten) == ("open", [], 2)
    assert "what led to the last 2 facts is still being written" in said(done)


def test_what_a_session_without_an_end_did_long_ago_is_lost() -> None:
    done = verified(session(ALL[:-1], is_open=True, read_ns=LATER_NS + 10_000_000_000), CUT)
    assert (done.status, done.unwritten, done.lost[0].facts) == ("unverified", 0, 2)
    assert "no end in the log" in summary(done)


def test_a_session_that_has_only_just_ended_is_not_called_lost() -> None:
    done = verified(session(read_ns=LATER_NS), CUT)
    assert (done.status, done.unwritten) == ("open", 2)
    assert "it has only just ended" in said(done)


def test_a_session_that_has_just_begun_has_no_tape_yet() -> None:
    done = verified(session(ALL[:1], is_open=True, read_ns=LATER_NS), SessionTapes())
    assert (done.status, done.same) == ("open", 0)


def test_facts_of_a_newer_build_are_said() -> None:
    whole = session()
    unread = UnreadFact(whole.messages[0], True, "fact 1 is of version 9 of SessionOpened")
    done = verified(replace(whole, unread=(unread,)))
    assert done.status == "unverified"
    assert "newer" in summary(done)


def test_a_chunk_of_a_newer_build_is_said() -> None:
    done = verified(tapes=replace(WHOLE, unread=("chunk 4 of the tape: version 2 is newer than this build reads",)))
    assert done.status == "unverified"
    assert "version 2 is newer than this build reads" in summary(done)


def test_an_erased_session_is_not_run_again() -> None:
    gone = e.ErasedFact(sequence=5, event="ReplyClauseWritten", event_id="x", time_ns=1)
    done = verified(session(erased=(gone,)), CUT, changed="text")
    assert (done.status, done.same, done.differences, done.lost) == ("unverified", 0, [], [])
    assert "erased" in summary(done)


def test_a_difference_names_the_builds_unless_they_are_the_same() -> None:
    other = Fact(1, OPENED.model_copy(update={"build": "0.9.0+12345678"}))
    done = verified(session([other, *ALL[1:]]), changed="text")
    assert f"recorded by 0.9.0+12345678; run again by {build()}" in said(done)
    assert (as_fields(done)["recorded_by"], as_fields(done)["run_by"]) == ("0.9.0+12345678", build())
    same = Fact(1, OPENED.model_copy(update={"build": build()}))
    assert "recorded by" not in said(verified(session([same, *ALL[1:]]), changed="text"))
    assert "recorded by an older version" in said(verified(changed="text"))


def test_a_difference_outweighs_what_could_not_be_verified() -> None:
    done = verified(session(ALL[:-1], is_open=True), changed="text")
    assert exit_code([done, verified()]) == 1


def test_programs_get_the_same_as_json() -> None:
    fields = as_fields(verified(changed="text"))
    assert fields["status"] == "different"
    [difference] = fields["differences"]
    assert difference["fields"] == [{"path": "text", "then": "hi", "now": "hi!"}]
    assert difference["then"]["name"] == "ReplyClauseWritten"


@pytest.mark.parametrize(("text", "seconds"), [("2d", 172_800), ("12h", 43_200), ("30m", 1800), ("0.5 h", 1800)])
def test_an_age_is_a_number_and_a_unit(text: str, seconds: float) -> None:
    assert age_s(text) == seconds


def test_an_age_without_a_unit_is_refused() -> None:
    with pytest.raises(ValueError, match="2d, 12h or 30m"):
        age_s("2")


def test_ids_are_read_from_a_file_one_a_line(tmp_path: Any) -> None:
    (tmp_path / "ids").write_text("# yesterday\ns-1  identical\n\ns-2\n")
    assert ids_in(str(tmp_path / "ids")) == ("s-1", "s-2")
    (tmp_path / "none").write_text("\n")
    with pytest.raises(ValueError, match="no session ids"):
        ids_in(str(tmp_path / "none"))


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"s-1\nREADME.md\n", "has 'README.md', which is not a session id"), (b"RIFF\xff\xfe", "is not text")],
)
def test_a_file_of_something_else_is_refused(tmp_path: Any, content: bytes, words: str) -> None:
    (tmp_path / "file").write_bytes(content)
    with pytest.raises(ValueError, match=words):
        ids_in(str(tmp_path / "file"))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--verify"], "which sessions?"),
        (["s-1", "--verify", "--all"], "not both"),
        (["s-1", "--verify", "--publish"], "leave out --publish"),
        (["s-1", "--verify", "--speed", "2"], "leave out --speed"),
        (["--verify", "--since", "soon"], "give an age such as 2d"),
        (["--all"], "choose sessions for --verify"),
        (["s-1", "--agents", "booking.py"], "--agents is for --verify"),
        (["s-1", "--verify", "--agents", "bokking.py"], "bokking.py: there is no such file"),
    ],
)
def test_what_does_not_go_together_is_refused(arguments: list[str], words: str) -> None:
    result = CliRunner().invoke(app, ["replay", *arguments])
    assert (result.exit_code, words in result.stderr) == (2, True), result.stderr
