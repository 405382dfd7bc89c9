"""Who said it, where several people talk."""

from actors.summaries.action_items import action_items
from actors.summaries.conversation import conversation, transcript
from actors.summaries.extraction import extract
from contracts import events as e
from infra.session.people import people_of
from tests.actors.reasoning.people_talk import answered, passed, room, says

FACTS: tuple[e.Event, ...] = (
    *room(),
    says("sam", "I will call the dentist tomorrow.", "t1"),
    *answered("t1", "r1", "Good."),
    says("kim", "I like owls.", "t2"),
    says("sam", "I like owls.", "t3"),
    passed("t3", "sam", "heard-twice", same_as_turn_id="t2"),
)
LINES = conversation(FACTS, people_of(FACTS))


def test_a_transcript_names_people_and_has_once_what_came_twice() -> None:
    assert transcript(LINES, 1000) == "Sam: I will call the dentist tomorrow.\nAgent: Good.\nKim: I like owls."


def test_promises_and_extracts_name_who_made_them() -> None:
    assert action_items(LINES) == ("Sam will call the dentist tomorrow",)
    assert extract(LINES) == "Sam: I will call the dentist tomorrow. Kim: I like owls."
