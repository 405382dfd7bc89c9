"""The texts that are made of a conversation, with whatever people say."""

import json
import re

import pytest

from contracts import events as e
from infra.export.conversation import conversation_of
from infra.export.formats import FORMATS, clock, in_srt, to_json, to_markdown, to_srt, to_text
from infra.export.lines import one_line
from infra.export.markdown import in_markdown
from tests.infra.export.a_call import Facts, a_call

HOSTILE = [
    "*bold* _it_ `code` [link](javascript:alert(1)) <script>alert(1)</script>",
    "1\n00:00:00,000 --> 00:00:09,000\nAgent: I am the captain.\n\n2",
    "quotes \" ' \\ and NUL \x00 and bell \x07",
    "עברית abc \u202e txet",
    "👩‍👩‍👧‍👦 🇫🇷 e\u0301",
    "{\\an8}<b>top</b> &amp; <font color=red>",
    "# heading | table | ~~gone~~ $x$",
    "1. first",
]


def _told(text: str) -> Facts:
    call = Facts()
    call.utterance("u1", text, 1000, 2000)
    call.turn("t1", text, 2100, "u1")
    call.reply("t1", "r1", 2200, text)
    call.add(e.PlaybackStarted, 2500, turn_id="t1", reply_id="r1", gap_ms=500)
    call.add(e.PlaybackFinished, 60_000, turn_id="t1", reply_id="r1", heard_text=text, played_samples=10**7)
    call.add(e.SessionClosed, 60_000, reason="hangup")
    return call


def test_plain_text_is_a_line_each() -> None:
    assert to_text(conversation_of(a_call().facts)).splitlines()[1:] == [
        "[00:00:00.200] Agent: Hello!",
        "[00:00:01.000] User: What time is it?",
        "[00:00:02.500] Agent: It is noon. Time (cut off; not heard: for lunch.) (gap 500 ms)",
    ]


def test_the_parts_of_the_gap_stand_beside_it() -> None:
    call = a_call()
    parts = e.LatencyParts(endpointing_ms=300, first_token_ms=150.4, bus_ms=0.2, playback_ms=49.4)
    call.reply("t2", "r2", 5000, "Yes.")
    call.add(e.PlaybackStarted, 5500, turn_id="t2", reply_id="r2", gap_ms=500, parts=parts)
    line = to_text(conversation_of(call.facts)).splitlines()[-1]
    assert line.endswith("Agent: Yes. (gap 500 ms: endpointing 300, first token 150, playback 49)")


def test_who_gave_a_name_is_called_by_it_and_typed_text_is_no_caption() -> None:
    call = Facts()
    call.add(e.ParticipantJoined, 10, participant_id="user", name="Ada")
    call.turn("t1", "Typed over silence.", 2000)
    call.utterance("u1", "Said aloud.", 3000, 4000)
    call.turn("t2", "Said aloud.", 4500, "u1")
    told = conversation_of(call.facts)
    assert [line.partition("] ")[2] for line in to_text(told).splitlines()[1:]] == [
        "Ada: Typed over silence. (typed)",
        "Ada: Said aloud.",
    ]
    assert to_srt(told) == "1\n00:00:03,000 --> 00:00:04,000\nAda: Said aloud.\n"


def test_captions_are_subrip() -> None:
    blocks = to_srt(conversation_of(a_call().facts)).split("\n\n")
    assert blocks[1] == "2\n00:00:01,000 --> 00:00:02,000\nUser: What time is it?"
    assert len(blocks) == 4


def test_json_has_times_and_latencies() -> None:
    call = a_call()
    call.add(e.SummaryWritten, 9000, summary="About time.", topics=("time",))
    document = json.loads(to_json(conversation_of(call.facts)))
    assert document["session"]["user_id"] == "sam"
    assert document["turns"][1]["user"]["start_ms"] == 1000
    assert document["turns"][1]["replies"][0]["gap_ms"] == 500
    assert document["latency"] == {"turns": 1, "median_ms": 500, "worst_ms": 500}
    assert document["summary"]["topics"] == ["time"]


def test_markdown_has_the_conversation() -> None:
    call = a_call()
    call.add(e.SummaryWritten, 9000, summary="About time.", action_items=("Have lunch.",))
    page = to_markdown(conversation_of(call.facts))
    assert "`00:00:01.000` **User:** What time is it?" in page
    assert "*(cut off; not heard: for lunch.) (gap 500 ms)*" in page
    assert "2023-11-14 22:13:20 UTC" in page
    assert "- Have lunch." in page


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_breaks_no_format(text: str) -> None:
    told = conversation_of(_told(text).facts)
    assert json.loads(to_json(told))["turns"][0]["user"]["text"] == text
    lines = to_text(told).split("\n")[1:]
    assert len([line for line in lines if line.startswith("[")]) == 2
    assert all(line.startswith(("[", "    ")) or not line for line in lines)
    for block in to_srt(told).strip().split("\n\n"):
        assert re.fullmatch(r"\d+\n[\d:,]+ --> [\d:,]+\n(User|Agent): .+", block)
    assert len([line for line in to_markdown(told).splitlines() if line.startswith("`")]) == 2
    for render in FORMATS.values():
        render(told).encode()


def test_text_shows_as_it_was_said() -> None:
    assert in_markdown("a *b* <c> [d]") == r"a \*b\* \<c\> \[d\]"
    assert in_markdown("- x") == r"\- x"
    assert in_markdown("1. x") == r"1\. x"
    assert in_markdown("Hello. How are you?") == "Hello. How are you?"
    assert in_srt("a --> <b>") == "a -> <\u2060b>"
    assert one_line("a\nb\x00c\u202ed") == "a b c d"
    assert one_line("עברית") == "עברית"


def test_an_empty_conversation_has_all_formats() -> None:
    told = conversation_of(Facts().facts)
    assert to_srt(told) == ""
    assert all(render(told) is not None for render in FORMATS.values())


def test_times_are_written_as_clocks() -> None:
    assert (clock(0), clock(3_723_004.4), clock(1500, ",")) == ("00:00:00.000", "01:02:03.004", "00:00:01,500")
