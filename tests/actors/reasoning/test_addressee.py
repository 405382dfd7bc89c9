"""Which turns the agent answers when several people are there."""

import pytest

from actors.reasoning.addressee import NotForUs
from actors.reasoning.decide import NOT_FOR_US, Commit, Discard, Pass, Start, decide, reply_id_of
from contracts import events as e
from tests.actors.reasoning.facts import about, folded, started
from tests.actors.reasoning.people_talk import answered, joined, left, opening, passed, room, says, thinks


def verdict(*events: e.Event) -> NotForUs | None:
    """Return why the last event, a turn's end, is not answered; None if it is."""
    *_, decision = decide(folded(*events), events[-1])
    return decision.why if isinstance(decision, Pass) else None


def reason(*events: e.Event) -> str | None:
    why = verdict(*events)
    return why.reason if why is not None else None


@pytest.mark.parametrize("addressee", ["named", "asked"])
def test_who_is_alone_with_the_agent_is_always_answered(addressee: str) -> None:
    turn = says("sam", "I had a long day.", "t1")
    assert verdict(opening(addressee), joined("sam"), turn) is None
    assert verdict(*room(addressee), left("kim"), turn) is None
    assert verdict(*room(addressee), turn) is not None
    assert verdict(*room(addressee), left("kim"), joined("kim"), turn) is not None


def test_always_answers_every_turn_of_everybody() -> None:
    for person, text in (("sam", "I had a long day."), ("kim", "Sam, come here.")):
        assert verdict(*room("always"), says(person, text, "t1")) is None


def test_named_answers_who_says_the_agents_name_and_nobody_else() -> None:
    assert verdict(*room("named"), says("kim", "Daredevil, tell Kim a joke.", "t1")) is None
    assert reason(*room("named"), says("kim", "What time is it?", "t1")) == "unnamed"
    assert verdict(*room("named"), says("sam", "Kim, what time is it?", "t1")) == NotForUs("to-another", "kim")


def test_named_answers_what_follows_on_the_agents_question_to_that_person() -> None:
    asking = (*room("named"), says("sam", "Daredevil, book a table.", "t1"), *answered("t1", "r1", "For how many?", 5))
    assert verdict(*asking, says("sam", "For four.", "t2", 8)) is None
    assert reason(*asking, says("kim", "For four.", "t2", 8)) == "unnamed", "it was not asked of Kim"
    assert reason(*asking, says("sam", "For four.", "t2", 25)) == "unnamed", "too late"
    assert reason(*asking, says("sam", "For four.", "t2", 8), says("sam", "It is hot.", "t3", 12)) == "unnamed"
    told = (*room("named"), says("sam", "Daredevil, sing.", "t1"), *answered("t1", "r1", "La la.", 5))
    assert reason(*told, says("sam", "How nice.", "t2", 8)) == "unnamed", "it was no question"


def test_a_greeting_that_asks_asks_everybody() -> None:
    greeting = answered("greeting", "g", "Hello, how can I help?", 1)
    assert verdict(*room("named"), *greeting, says("kim", "With my homework.", "t1", 4)) is None


def test_asked_answers_questions_and_requests_unless_they_are_said_to_another() -> None:
    for text in ("What time is it?", "Tell us a joke.", "Daredevil, that was nice."):
        assert verdict(*room("asked"), says("sam", text, "t1")) is None
    assert reason(*room("asked"), says("sam", "I had a long day.", "t1")) == "no-request"
    assert verdict(*room("asked"), says("sam", "Kim, where were you?", "t1")) == NotForUs("to-another", "kim")


def test_people_talk_to_each_other_when_one_answers_what_another_has_asked_them() -> None:
    asked = (
        *room("asked"),
        says("sam", "Kim, where were you?", "t1"),
        passed("t1", "sam", "to-another", addressed_id="kim"),
    )
    assert verdict(*asked, says("kim", "Where do you think?", "t2", 3)) == NotForUs("to-another", "sam")
    assert verdict(*asked, says("kim", "Daredevil, where was I?", "t2", 3)) is None
    assert verdict(*asked, says("sam", "What time is it?", "t2", 3)) is None


@pytest.mark.parametrize("addressee", ["always", "named", "asked"])
def test_the_same_words_on_two_tracks_at_once_are_answered_once(addressee: str) -> None:
    first = (*room(addressee), says("sam", "Daredevil, what is the time?", "t1"))
    assert verdict(*first, says("kim", "Dare devil what is the time", "t2", 0.3)) == NotForUs("heard-twice", None, "t1")
    assert verdict(*first, says("kim", "Daredevil, what is the time?", "t2", 1.2)) is None, "asked once more"
    assert verdict(*first, says("sam", "Daredevil, what is the time?", "t2", 0.3)) is None, "one track only"


def test_the_same_words_are_answered_when_they_have_interrupted_their_first_answer() -> None:
    first = (*room(), says("sam", "What is the time?", "t1"), started("What is the time?"))
    interrupted = about(e.TurnInterrupted, participant_id="kim", text="What", turn_id="t1", speech_ms=400)
    again = says("kim", "What is the time?", "t2", 0.3)
    assert verdict(*first, again) == NotForUs("heard-twice", None, "t1")
    assert verdict(*first, interrupted, again) is None


def test_a_turn_that_is_not_for_the_agent_gets_no_draft_and_loses_the_one_it_has() -> None:
    event = thinks("sam", "Kim, where were you?", "t1", "rev2")
    first = thinks("sam", "Where were you?", "t1")
    assert decide(folded(*room("asked"), event), event) == ()
    drafted = folded(*room("asked"), first, started(first.text, draft=True), event)
    assert decide(drafted, event) == (Discard("r1", NOT_FOR_US),)
    end = says("sam", "Where were you, Kim?", "t1")
    ended = folded(*room("asked"), first, started(first.text, draft=True), end)
    assert decide(ended, end) == (Discard("r1", NOT_FOR_US), Pass(end, NotForUs("to-another", "kim")))


def test_a_turn_that_was_passed_is_not_passed_again() -> None:
    end = says("sam", "I had a long day.", "t1")
    assert decide(folded(*room("named"), end, passed("t1", "sam", "unnamed")), end) == ()


def test_two_who_speak_at_once_have_drafts_of_their_own() -> None:
    sam, kim = thinks("sam", "What is the time?", "t1"), thinks("kim", "Who won the game?", "t2", "rev2")
    session = folded(*room(), sam, started(sam.text, draft=True), kim)
    assert decide(session, kim) == (Start(reply_id_of(kim), "t2", kim.text, draft=True),)


def test_the_first_to_end_is_answered_and_the_other_is_asked_anew() -> None:
    sam, kim = thinks("sam", "What is the time?", "t1"), thinks("kim", "Who won the game?", "t2", "rev2")
    end = says("sam", "What is the time?", "t1")
    session = folded(*room(), sam, started(sam.text, draft=True), kim, started(kim.text, "r2", "t2", draft=True), end)
    assert decide(session, end) == (Commit("r1"), Discard("r2", "another turn came first"))


def test_an_answer_that_nobody_hears_yet_gives_way_to_another_persons_question_but_not_to_their_talk() -> None:
    before = (*room("asked"), says("sam", "What is the time?", "t1"), started("What is the time?"))
    kim = says("kim", "Who won the game?", "t2", 3)
    start = Start(reply_id_of(kim), "t2", kim.text)
    assert decide(folded(*before, kim), kim) == (Discard("r1", "another turn came first"), start)
    talk = says("kim", "Sam, look at that!", "t2", 3)
    assert decide(folded(*before, talk), talk) == (Pass(talk, NotForUs("to-another", "sam")),)


def test_a_turn_is_overtaken_only_by_one_that_the_agent_answers() -> None:
    old = says("sam", "What is the time?", "t1")
    later = says("kim", "Who won the game?", "t2", 3)
    assert decide(folded(*room("asked"), old, later), old) == ()
    talk = says("kim", "I am so tired.", "t2", 3)
    answer = (Start(reply_id_of(old), "t1", old.text),)
    assert decide(folded(*room("asked"), old, talk), old) == answer
    assert decide(folded(*room("asked"), old, talk, passed("t2", "kim", "no-request")), old) == answer


def test_what_one_who_has_left_said_last_is_answered() -> None:
    turn = says("kim", "Daredevil, who won the game?", "t1")
    assert verdict(*room("named"), turn, left("kim"), turn) is None


def test_a_barge_in_by_another_person_ends_the_reply() -> None:
    first = (*room(), says("sam", "Tell us a story.", "t1"), started("Tell us a story."), about(e.PlaybackStarted))
    stop = about(e.TurnInterrupted, participant_id="kim")
    kim = says("kim", "What about a joke?", "t2", 3)
    session = folded(*first, stop, kim)
    assert session.replies["r1"].interrupted
    assert decide(session, kim) == (Start(reply_id_of(kim), "t2", kim.text),)
