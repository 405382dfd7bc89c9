from actors.reasoning.decide import Commit, Discard, Resume, Start, decide, reply_id_of
from contracts import events as e
from tests.actors.reasoning.facts import about, ended, folded, opened, revised, started

HELLO = "Hello there."


def test_a_settled_revision_gets_a_draft() -> None:
    event = revised(HELLO)
    assert decide(folded(opened(), event), event) == (Start(reply_id_of(event), "t1", HELLO, draft=True),)


def test_no_draft_without_speculation_words_or_silence() -> None:
    for event, speculate in ((revised(HELLO), False), (revised("..."), True), (revised(HELLO, settled=False), True)):
        assert decide(folded(opened(), event), event, speculate) == ()


def test_a_draft_of_other_words_is_replaced() -> None:
    event = revised("Hello there my friend.", "rev2")
    session = folded(revised("Hello there."), started(HELLO, draft=True), event)
    assert decide(session, event) == (
        Discard("r1", "the caller said more"),
        Start(reply_id_of(event), "t1", event.text, draft=True),
    )


def test_a_draft_of_the_same_words_is_kept() -> None:
    event = revised("hello there", "rev2")
    assert decide(folded(started(HELLO, draft=True), event), event) == ()


def test_a_stale_revision_is_ignored() -> None:
    old = revised(HELLO)
    assert decide(folded(old, revised("Hello there, you.", "rev2")), old) == ()
    assert decide(folded(old, ended(HELLO)), old) == ()


def test_the_matching_draft_is_committed() -> None:
    event = ended("hello THERE")
    assert decide(folded(started(HELLO, draft=True), event), event) == (Commit("r1"),)
    assert decide(folded(started(HELLO, draft=True)), event) == (Commit("r1"),), "before the end was read back"


def test_a_draft_that_failed_or_answers_other_words_is_done_again() -> None:
    event = ended("Hello there, you.")
    start = Start(reply_id_of(event), "t1", event.text)
    wrong = folded(started(HELLO, draft=True), event)
    assert decide(wrong, event) == (Discard("r1", "the turn ended with other words"), start)
    failed = about(e.ReplyCompleted, text="", clauses=1, finish="failed")
    assert start in decide(folded(started(event.text, draft=True), failed, event), event)


def test_a_reply_that_nobody_has_begun_to_hear_gives_way_to_the_next_turn() -> None:
    event = ended("And now?", "t2")
    waiting = folded(ended(HELLO), started(HELLO), event)
    start = Start(reply_id_of(event), "t2", "And now?")
    assert decide(waiting, event) == (Discard("r1", "another turn came first"), start)
    playing = folded(ended(HELLO), started(HELLO), about(e.PlaybackStarted), event)
    assert decide(playing, event) == (start,)


def test_a_redelivered_event_goes_on_with_its_own_reply() -> None:
    event = ended(HELLO)
    own = reply_id_of(event)
    assert decide(folded(event, started(HELLO, own)), event) == (Resume(own),)
    done = about(e.ReplyCompleted, own, text="", clauses=1)
    assert decide(folded(event, started(HELLO, own), done), event) == ()
    draft = revised(HELLO)
    committed = about(e.ReplyCommitted, reply_id_of(draft))
    session = folded(draft, started(HELLO, reply_id_of(draft), draft=True), ended(HELLO), committed)
    assert decide(session, draft) == (Resume(reply_id_of(draft)),)


def test_an_answered_turn_is_not_answered_again() -> None:
    event = ended(HELLO)
    session = folded(started(HELLO, draft=True), event, about(e.ReplyCommitted))
    assert decide(session, event) == ()


def test_a_turn_that_was_overtaken_closed_or_empty_gets_no_answer() -> None:
    old = ended(HELLO)
    assert decide(folded(old, ended("Later.", "t2")), old) == ()
    assert decide(folded(old, about(e.SessionClosed, reason="hangup")), old) == ()
    empty = ended(" ")
    discard = Discard("r1", "the turn needs no answer")
    assert decide(folded(started(HELLO, draft=True), empty), empty) == (discard,)


def test_a_greeting_is_said_once_the_session_opens() -> None:
    event = opened(greeting="Good day!")
    (start,) = decide(folded(event), event)
    assert isinstance(start, Start)
    assert start.fixed == "Good day!"
    assert not start.draft
    assert decide(folded(opened()), opened()) == ()
