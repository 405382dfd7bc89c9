from actors.reasoning.decide import NOT_UNDERSTOOD, Commit, Discard, Resume, Start, decide, only_language, reply_id_of
from contracts import events as e
from tests.actors.reasoning.facts import about, ended, fact, folded, opened, revised, started

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


def test_a_turn_that_comes_again_leaves_no_draft_undecided() -> None:
    event, other = ended(HELLO), started("Hello", "r2", draft=True)
    session = folded(started(HELLO, draft=True), other, event, about(e.ReplyCommitted))
    assert decide(session, event) == (Discard("r2", "the turn ended with other words"),)


def test_a_session_that_closes_discards_the_drafts_of_turns_that_never_ended() -> None:
    close = fact(e.SessionClosed, "sc", reason="timeout")
    session = folded(
        started(HELLO, draft=True), started(HELLO, "r2", "t2"), started("Bye.", "r3", "t3", draft=True), close
    )
    assert decide(session, close) == tuple(Discard(reply, "the session has closed") for reply in ("r1", "r3"))


def test_a_turn_that_was_overtaken_closed_or_empty_gets_no_answer() -> None:
    old = ended(HELLO)
    assert decide(folded(old, ended("Later.", "t2")), old) == ()
    assert decide(folded(old, fact(e.SessionClosed, "sc", reason="hangup")), old) == ()
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


def test_who_speaks_another_language_is_told_once_which_one_is_understood() -> None:
    first, second = dismissed("u1"), dismissed("u2")
    told = "I am sorry, I did not understand that. I only understand English."
    (start,) = decide(folded(opened(), first), first)
    assert isinstance(start, Start)
    assert (start.fixed, start.draft) == (told, False)
    assert decide(folded(opened(), first, second), second) == ()
    begun = fact(e.ReplyStarted, "rs", reply_id=start.reply_id, turn_id=start.turn_id, text="")
    assert decide(folded(opened(), first, begun), first) == (Resume(start.reply_id, told),)
    assert decide(folded(opened(), first, fact(e.SessionClosed, "sc", reason="hangup")), first) == ()


def test_nothing_is_said_of_what_is_no_speech_or_was_said_over_a_reply() -> None:
    for event in (dismissed("u1", reason="unlikely"), dismissed("u1", over_reply_id="r9")):
        assert decide(folded(opened(), event), event) == ()


def test_a_draft_on_what_proved_no_speech_is_discarded() -> None:
    event = dismissed("u2", reason="unlikely")
    rubbish = folded(started("Come, ah,", draft=True), event)
    assert decide(rubbish, event) == (Discard("r1", "what was heard was no speech"),)
    said = fact(
        e.UtteranceTranscribed,
        "ut",
        turn_id="t1",
        participant_id="p",
        utterance_id="u1",
        text=HELLO,
        start_sample=0,
        end_sample=1,
    )
    assert decide(folded(said, started(HELLO, draft=True), event), event) == ()


def test_the_language_is_named_if_it_is_known() -> None:
    assert only_language("de-DE").endswith("I only understand German.")
    assert only_language("").endswith("I may not understand your language.")


def dismissed(utterance_id: str, reason: str = "language", over_reply_id: str | None = None) -> e.UtteranceDismissed:
    about_it = {"utterance_id": utterance_id, "participant_id": "p", "reason": reason, "language": "en"}
    event: e.UtteranceDismissed = fact(
        e.UtteranceDismissed, f"d-{utterance_id}", turn_id="t1", over_reply_id=over_reply_id, **about_it
    )
    return event


def lost() -> e.SpeechLost:
    where = {"utterance_id": "u", "track_id": "tr", "participant_id": "p", "start_sample": 0, "end_sample": 16_000}
    loss: e.SpeechLost = fact(e.SpeechLost, "lost", turn_id="t1", reason="engine", **where)
    return loss


def test_a_turn_whose_words_are_all_lost_is_asked_for_again() -> None:
    event = ended("", lost_ms=1000)
    sorry = Start(reply_id_of(event), "t1", "", fixed=NOT_UNDERSTOOD)
    assert decide(folded(opened(), lost(), event), event) == (sorry,)
    begun = folded(opened(), lost(), event, started("", reply_id_of(event)))
    assert decide(begun, event) == (Resume(reply_id_of(event), NOT_UNDERSTOOD),)
    assert decide(folded(opened(), ended("")), ended("")) == ()


def test_a_draft_that_did_not_know_of_lost_words_is_done_again() -> None:
    event, draft = ended(HELLO, lost_ms=1000), started(HELLO, draft=True)
    assert decide(folded(lost(), draft, event), event) == (Commit("r1"),)
    again = decide(folded(draft, lost(), event), event)
    assert again == (Discard("r1", "the turn ended with other words"), Start(reply_id_of(event), "t1", HELLO))
