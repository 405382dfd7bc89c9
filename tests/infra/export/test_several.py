"""Several people in one call: who said what, in every format."""

import json

from contracts import events as e
from infra.export.conversation import Conversation, conversation_of
from infra.export.formats import to_json, to_markdown, to_srt, to_text
from tests.infra.export.a_call import Facts


def a_room() -> Conversation:
    """Sam asks, Kim talks to Sam while the agent speaks, and Sam's microphone hears Kim as well."""
    call = Facts()
    for person, name in (("sam", "Sam"), ("kim", "Kim *Larsen*\n--> x")):
        call.add(e.ParticipantJoined, 10, participant_id=person, name=name, identity=f"{person}@home")
    call.add(e.ParticipantJoined, 10, participant_id="agent", kind="agent")
    _says(call, "sam", "t1", "u1", "What time is it?", 1000, 2000)
    call.reply("t1", "r1", 2300, "It is noon.")
    call.add(e.PlaybackStarted, 2500, turn_id="t1", reply_id="r1", gap_ms=500)
    call.add(e.PlaybackFinished, 3250, turn_id="t1", reply_id="r1", heard_text="It is noon.", played_samples=18_000)
    _says(call, "kim", "t2", "u2", "Sam, lunch?", 2600, 4000)
    call.add(e.TurnPassed, 4500, turn_id="t2", participant_id="kim", reason="to-another", addressed_id="sam")
    _says(call, "sam", "t3", "u3", "Sam, lunch?", 2610, 4010)
    call.add(e.TurnPassed, 4500, turn_id="t3", participant_id="sam", reason="heard-twice", same_as_turn_id="t2")
    return conversation_of(call.facts)


def _says(call: Facts, person: str, turn: str, utterance: str, text: str, start_ms: float, end_ms: float) -> None:
    where = {"utterance_id": utterance, "participant_id": person, "start_sample": int(start_ms * 16)}
    call.add(e.UtteranceTranscribed, end_ms + 200, text=text, end_sample=int(end_ms * 16), **where)
    call.add(e.TurnEnded, end_ms + 400, participant_id=person, turn_id=turn, text=text, utterance_ids=(utterance,))


def test_text_and_markdown_name_who_speaks_and_what_was_not_for_the_agent() -> None:
    lines = [line.partition("] ")[2] for line in to_text(a_room()).splitlines()[1:]]
    assert lines == [
        "Sam: What time is it?",
        "Agent: It is noon. (gap 500 ms)",
        "Kim *Larsen* --> x: Sam, lunch? (not to the agent)",
    ]
    page = to_markdown(a_room())
    assert "- **with** Sam and Kim \\*Larsen\\* --\\> x, at the door websocket" in page
    assert "**Kim \\*Larsen\\* --\\> x:** Sam, lunch? *(not to the agent)*" in page


def test_captions_have_names_and_what_two_microphones_heard_is_there_once() -> None:
    said = [line for line in to_srt(a_room()).splitlines() if ": " in line]
    assert said == ["Sam: What time is it?", "Agent: It is noon.", "Kim *Larsen* -> x: Sam, lunch?"]


def test_json_says_who_is_there_and_whose_turn_it_was() -> None:
    told = json.loads(to_json(a_room()))
    assert [person["participant_id"] for person in told["people"]] == ["sam", "kim"]
    turns = [(turn["user"]["participant_id"], turn["user"]["name"], turn["passed"]) for turn in told["turns"]]
    assert turns[0] == ("sam", "Sam", None)
    assert turns[1][::2] == ("kim", "to-another")
    assert len(turns) == 2
