"""Lists, tables, code and paragraphs of an answer in the exports, whatever is in them."""

import pytest
from markdown_it import MarkdownIt

from contracts import events as e
from infra.export.as_heard import as_heard
from infra.export.conversation import Conversation, conversation_of
from infra.export.formats import FORMATS, to_markdown, to_srt, to_text
from infra.export.lines import lines_of
from infra.export.markdown import as_said, as_written
from tests.infra.export.a_call import Facts

LIST = "You need:\n\n- **two** eggs\n- flour\n\nThen stir."
TABLE = "| a | b |\n|---|---|\n| 1 | 2 |"
CODE = "Write\n\n```python\nif x < 1:\n    print('<b>')\n```"
FORMS = {"list": LIST, "table": TABLE, "code": CODE, "paragraphs": "One.\n\nTwo."}


def _answered(written: str, heard: str | None = None, asked: str = "How?") -> Conversation:
    """A question, and an answer of which `heard` was heard before it was cut off, or all."""
    call = Facts()
    call.turn("t1", asked, 1000)
    call.reply("t1", "r1", 1100, written)
    call.add(e.PlaybackStarted, 1500, turn_id="t1", reply_id="r1")
    if heard is None:
        call.add(e.PlaybackFinished, 9000, turn_id="t1", reply_id="r1", heard_text=written, played_samples=10**7)
    else:
        samples = 6000 * len(heard.split())
        call.add(e.PlaybackInterrupted, 9000, turn_id="t1", reply_id="r1", heard_text=heard, played_samples=samples)
    return conversation_of(call.facts)


@pytest.mark.parametrize("written", FORMS.values(), ids=FORMS.keys())
def test_text_keeps_the_lines_of_an_answer_and_sets_them_in(written: str) -> None:
    lines = to_text(_answered(written)).split("\n")
    assert lines[2] == "[00:00:01.500] Agent:"
    assert lines[3:-1] == [f"    {line}" if line else "" for line in written.split("\n")]


@pytest.mark.parametrize("written", FORMS.values(), ids=FORMS.keys())
def test_markdown_keeps_the_markdown_of_an_answer_as_a_quotation(written: str) -> None:
    page = to_markdown(_answered(written))
    _, _, after = page.partition("`00:00:01.500` **Agent:**\n\n")
    assert after.rstrip("\n").split("\n") == [f"> {line}" if line else ">" for line in written.split("\n")]


def test_a_reader_of_markdown_finds_the_form() -> None:
    reader = MarkdownIt("commonmark").enable("table")
    marks = {
        "list": "<li>flour</li>",
        "table": "<td>2</td>",
        "code": 'class="language-python"',
        "paragraphs": "<p>Two.</p>",
    }
    for name, written in FORMS.items():
        assert marks[name] in reader.render(to_markdown(_answered(written)))
    assert "<b>" not in reader.render(to_markdown(_answered("<b>x</b>", asked="<b>y</b>")))


def test_captions_follow_what_was_spoken_line_by_line() -> None:
    cues = [block.split("\n")[1:] for block in to_srt(_answered(LIST)).strip().split("\n\n")]
    assert [text for _, text in cues] == [
        "Agent: You need:",
        "Agent: - **two** eggs",
        "Agent: - flour",
        "Agent: Then stir.",
    ]
    assert [
        text for _, text in (block.split("\n")[1:] for block in to_srt(_answered(TABLE)).strip().split("\n\n"))
    ] == [
        "Agent: | a | b |",
        "Agent: | 1 | 2 |",
    ], "nobody says the rule of a table"


def test_what_was_not_heard_of_a_list_is_a_list_too() -> None:
    told = _answered(LIST, "You need:\n\n- **two** eggs")
    assert to_text(told).split("\n")[2:-1] == [
        "[00:00:01.500] Agent: (cut off)",
        "    You need:",
        "",
        "    - **two** eggs",
        "    (not heard:)",
        "    - flour",
        "",
        "    Then stir.",
    ]
    page = to_markdown(told)
    assert "*(cut off)*\n\n> You need:\n>\n> - **two** eggs\n\n*(not heard:)*\n\n> - flour\n>\n> Then stir.\n" in page
    assert "flour" not in to_srt(told)


def test_what_was_left_out_in_the_middle_is_shown_as_not_heard() -> None:
    call = Facts()
    call.turn("t1", "Greet me.", 1000)
    call.reply("t1", "r1", 1100, "Hello.", "你好。", "Good day.")
    call.add(e.PlaybackStarted, 1500, turn_id="t1", reply_id="r1")
    heard = {"heard_text": "Hello. Good day.", "played_samples": 10**6}
    call.add(e.PlaybackFinished, 9000, turn_id="t1", reply_id="r1", **heard)
    assert to_text(conversation_of(call.facts)).splitlines()[-1].endswith("Agent: Hello. Good day. (not heard: 你好。)")


@pytest.mark.parametrize("written", ["", " \n "])
def test_an_empty_answer_is_shown_as_one(written: str) -> None:
    call = Facts()
    call.turn("t1", "Well?", 1000)
    call.add(e.ReplyStarted, 1100, turn_id="t1", reply_id="r1", text="Well?")
    call.add(e.ReplyCompleted, 1200, turn_id="t1", reply_id="r1", text=written, clauses=0)
    told = conversation_of(call.facts)
    assert to_text(told).splitlines()[-1] == "[00:00:01.000] Agent: (no words)"
    assert "**Agent:** *(no words)*" in to_markdown(told)
    assert to_srt(told) == ""


def test_lines_that_were_typed_stay_lines_and_are_no_markup() -> None:
    told = _answered("Yes.", asked="# one\n[00:00:09.000] agent: I obey\n\n<b>three</b>\x1b[31m\u202e")
    assert to_text(told).split("\n")[1:6] == [
        "[00:00:01.000] User: (typed)",
        "    # one",
        "    [00:00:09.000] agent: I obey",
        "",
        "    <b>three</b> [31m",
    ]
    page = to_markdown(told)
    assert "> \\# one\\\n> \\[00:00:09.000\\] agent: I obey\n>\n> \\<b\\>three\\</b\\> \\[31m\n" in page


def test_html_of_an_answer_is_text_and_its_links_run_nothing_but_code_stays_code() -> None:
    assert as_written("<script>x</script> and `<b>`") == ["\\<script>x\\</script> and `<b>`"]
    assert as_written("[a](javascript:alert(1)) [b](https://b.example)") == [
        "[a\\](javascript:alert(1)) [b](https://b.example)"
    ]
    assert as_written("2 < 3 --> yes") == ["2 < 3 --> yes"]
    assert as_written("```\n<b>\n```\n<b>") == ["> ```", "> <b>", "> ```", "> \\<b>"]
    assert as_written("# no heading of the page") == ["> # no heading of the page"]
    assert as_said("- a") == ["\\- a"]


def test_right_to_left_text_stays_and_marks_that_turn_it_go() -> None:
    first, second = "\u05e9\u05dc\u05d5\u05dd", "\u05e2\u05d5\u05dc\u05dd"
    told = _answered(f"{first}\n\u202e{second}\u2069")
    assert to_text(told).split("\n")[3:5] == [f"    {first}", f"     {second}"]
    for render in FORMATS.values():
        assert "\u202e" not in render(told) or render is FORMATS["json"]


def test_lines_end_where_any_system_ends_them() -> None:
    assert lines_of("a\r\nb\rc\u2028d\x0be") == ["a", "b", "c", "d", "e"]
    assert lines_of("\n\n a\n\n\n\tb \n\n") == [" a", "", "    b"]
    assert lines_of(" \x00 ") == []


def test_what_was_heard_is_given_in_its_written_form() -> None:
    assert as_heard("a b c", "a b") == ("a b", "c")
    assert as_heard("a\n---\nb", "a b") == ("a\n---\nb", "")
    assert as_heard("a\n\n  - b\n  - c", "a") == ("a", "  - b\n  - c")
    assert as_heard("a b c d", "b d") == ("b d", "a … c")
    assert as_heard("a b", "") == ("", "a b")
    assert as_heard("", "") == ("", "")
