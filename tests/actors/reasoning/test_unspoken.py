import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from actors.reasoning.unspoken import UnspokenFilter


def said(*pieces: str, in_thought: bool = False) -> str:
    unspoken = UnspokenFilter(in_thought)
    return "".join(unspoken.feed(piece) for piece in pieces) + unspoken.finish()


CALL = '{"name": "current_time", "arguments": {"time_zone": "Paris"}}'


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("<think>The caller greets me.</think>\n\nHello!", "Hello!"),
        ("<THINK>x</THINK>Hello!", "Hello!"),
        ("<thinking>a</thinking> <reasoning>b</reasoning> Hi.", "Hi."),
        ("<think>never closed, and on and on", ""),
        ("Hello. <think>hm</think> How are you?", "Hello. How are you?"),
        ("Hello.<think>hm</think>\n\nHow are you?", "Hello.\n\nHow are you?"),
        ("Hello. <think>never closed", "Hello. "),
        ("<think></think>Hello!", "Hello!"),
        ("<think/>Hello!", "Hello!"),
        ("Hello! </think> Bye.", "Hello! Bye."),
        ("<think>a < b and <b>c</b> </thinking>Yes.", "Yes."),
        ("<seed:think>a</seed:think>Yes.", "Yes."),
        ("[THINK]Let me see.[/THINK]Yes.", "Yes."),
        ("\u25c1think\u25b7hm\u25c1/think\u25b7Yes.", "Yes."),
        ("<|begin_of_thought|>hm<|end_of_thought|>Yes.", "Yes."),
        ("<|START_THINKING|>hm<|END_THINKING|><|START_RESPONSE|>Yes.<|END_RESPONSE|>", "Yes."),
        (f"<tool_call>\n{CALL}\n</tool_call>", ""),
        (f"Let me see.\n<tool_call>{CALL}</tool_call>\nDone.", "Let me see.\n\nDone."),
        (f"Let me see. <tool_call>{CALL}", "Let me see. "),
        (f"<tool_call id='3'>{CALL}</tool_call>Done.", "Done."),
        (f"[TOOL_CALLS][{CALL}]", ""),
        (f"One moment. [TOOL_CALLS] [{CALL}] Done.", "One moment. Done."),
        ('[TOOL_CALLS]current_time[ARGS]{"time_zone": "Paris"}', ""),
        ('[TOOL_CALLS]current_time{"a": "}"} Done.', "Done."),
        ("<|python_tag|>current_time.call(zone='Paris')<|eom_id|>", ""),
        (f"<|python_tag|>{CALL}", ""),
        ('<function=current_time>{"time_zone": "Paris"}</function>Done.', "Done."),
        ("<function=t><parameter=a>1</parameter></function>Done.", "Done."),
        ('<function_calls><invoke name="t"><parameter name="a">1</parameter></invoke></function_calls>Ok.', "Ok."),
        ("<\uff5ctool\u2581calls\u2581begin\uff5c>x<\uff5ctool\u2581calls\u2581end\uff5c>Ok.", "Ok."),
        ("<|tool_calls_section_begin|><|tool_call_begin|>f:0<|tool_call_end|><|tool_calls_section_end|>Ok.", "Ok."),
        (f"<|tool_call|>{CALL}<|/tool_call|>Ok.", "Ok."),
        (CALL, ""),
        (f"[{CALL}]", ""),
        ('{"type": "function", "function": {"name": "t", "parameters": {}}}', ""),
        ('{"name": "current_time", "parameters": {"time', ""),
        (
            "<|channel|>analysis<|message|>A greeting.<|end|><|start|>assistant<|channel|>final<|message|>Hi!",
            "Hi!",
        ),
        ("<|channel|>analysis<|message|>never ended", ""),
        ('<|channel|>commentary to=functions.t<|message|>{"a": 1}<|call|>', ""),
        ("<|start|>assistant<|channel|>final<|message|>Hi!<|return|>", "Hi!"),
        ("Hello.<|im_end|>", "Hello."),
        ("Hello.<|im_end|>\n<|im_start|>user\nWhat?", "Hello.\n"),
        ("<|im_start|>assistant\nHello.<|im_end|>", "Hello."),
        ("<|start_header_id|>assistant<|end_header_id|>\n\nHello.<|eot_id|>", "Hello."),
        ("Hello.<|eot_id|><|start_header_id|>user<|end_header_id|>\n\nWhat?", "Hello."),
        ("<start_of_turn>model\nHello.<end_of_turn>", "Hello."),
        ("<s>Hello.</s>", "Hello."),
        ("Hello.<\uff5cend\u2581of\u2581sentence\uff5c>", "Hello."),
        ("Hello.<|endoftext|>Human: What?", "Hello."),
        ("Assistant: Hello!", "Hello!"),
        ("**Assistant:** Hello!", "Hello!"),
        ("  assistant: Hello!", "  Hello!"),
        ("Hello!\nUser: And you?\nAssistant: Fine.", "Hello!\n"),
        ("Hello!\n\nHuman: And you?", "Hello!\n\n"),
        ("<think>a</think>Assistant: Hello!", "Hello!"),
        ("<answer>Hello!</answer>", "Hello!"),
        ("Hello! <thi", "Hello! "),
        ("Hello! <|im_", "Hello! "),
    ],
)
def test_what_is_not_speech_is_taken_out(written: str, expected: str) -> None:
    for size in (1, 2, 3, 4, 7, 1000):
        pieces = [written[at : at + size] for at in range(0, len(written), size)]
        assert said(*pieces) == expected, size


@pytest.mark.parametrize(
    "written",
    [
        "I think so, and you think so too.",
        "5 < 6, and 7 > 6, and a<b>c.",
        "I <3 you.",
        "Use `<think>` to think, and ``<tool_call>`` to call.",
        "```xml\n<think>\nhm\n</think>\n```\nThat is it.",
        'The tag "<think>" begins a thought.',
        "<b>Bold</b> and <thin>thin</thin>.",
        "[1] is a note, [TOOL] is none.",
        "A user: that is you. The assistant: that is me.",
        "It costs 3 | 4, <| or |>.",
        '{"name": "Anna", "age": 3} is JSON.',
        "Agents think: therefore they are.",
        "Users: many. AIs: few.",
        "Don`t worry, <be happy>.",
        "x <",
        "What a function <f> is.",
        "[",
        "{",
        "Well [THIS] is it.",
        "<think about it twice> is what she said.",
    ],
)
def test_what_merely_looks_like_it_is_kept(written: str) -> None:
    for size in (1, 3, 1000):
        assert said(*[written[at : at + size] for at in range(0, len(written), size)]) == written


_OTHER_FAMILIES = [
    ("<think>a <think>nested</think> still?</think>Hello.", "Hello."),
    ("<think>one</think><think>two</think>Hello.", "Hello."),
    ("<thinking>\nHm.\n</thinking>\n\nSure.", "Sure."),
    ("<reflection>x</reflection>Ok.", "Ok."),
    ("<Thought>x</Thought>Ok.", "Ok."),
    ("< think >x</ think >Ok.", "Ok."),
    ("<think\n>x</think>Ok.", "Ok."),
    (
        "<|channel|>analysis<|message|>think<|end|><|start|>assistant"
        '<|channel|>commentary to=functions.current_time <|constrain|>json<|message|>{"a":1}<|call|>',
        "",
    ),
    ("<|channel|>final <|constrain|>text<|message|>Hi!<|return|>", "Hi!"),
    ("<|channel>thought\nI think.<channel|>Hello.", "Hello."),
    ("<unused94>thought\nhm<unused95>Hello.", "Hello."),
    ("analysisThe user greets.assistantfinalHello!", "Hello!"),
    ('<tool_call>\n{"name": "x"}\n</tool_call>\n<tool_call>\n{"name":"y"}\n</tool_call>Done.', "Done."),
    ("<tool_call>current_time\n<arg_key>time_zone</arg_key>\n<arg_value>Paris</arg_value>\n</tool_call>Ok.", "Ok."),
    ('```json\n{"name": "current_time", "arguments": {"time_zone": "Paris"}}\n```', ""),
    ("```tool_code\nprint(current_time())\n```\nOk.", "Ok."),
    ('```tool_call\n{"name": "current_time", "arguments": {"time_zone": "Paris"}}\n```\nOk.', "Ok."),
    ("<tool_code>print(1)</tool_code>Ok.", "Ok."),
    ('Action: current_time\nAction Input: {"time_zone": "Paris"}', ""),
    (
        "Thought: I should look.\nAction: current_time\nAction Input: {}\nObservation: 5\nFinal Answer: It is five.",
        "It is five.",
    ),
    ('<function_call>{"name":"t"}</function_call>It.', "It."),
    ('<|tool_call_start|>[current_time(time_zone="Paris")]<|tool_call_end|>Ok.', "Ok."),
    ('[current_time(time_zone="Paris")]', ""),
    ('functools[{"name": "t", "arguments": {}}]', ""),
    (
        "<|tool_calls_begin|><|tool_call_begin|>function<|tool_sep|>t\n```json\n{}\n```<|tool_call_end|><|tool_calls_end|>Ok.",
        "Ok.",
    ),
    ("<tool_use><tool_name>t</tool_name></tool_use>Ok.", "Ok."),
    ('<invoke name="t"><parameter name="a">1</parameter></invoke>Ok.', "Ok."),
    ('<function_calls>\n<invoke name="t">\n</invoke>\n</function_calls>', ""),
    ("<function_calls><invoke name='x'></invoke></function_calls>Ok.", "Ok."),
    ('<minimax:tool_call><invoke name="x"></invoke></minimax:tool_call>Ok.', "Ok."),
    (
        '<\uff5cDSML\uff5cfunction_calls><\uff5cDSML\uff5cinvoke name="t">'
        "</\uff5cDSML\uff5cinvoke></\uff5cDSML\uff5cfunction_calls>Ok.",
        "Ok.",
    ),
    ("<|DSML|tool_calls>x</|DSML|tool_calls>Ok.", "Ok."),
    ("<scratchpad>x</scratchpad>Ok.", "Ok."),
    ("<output>Hello</output>", "Hello"),
    ("<final_answer>Hello</final_answer>", "Hello"),
    ("<response>\nHello\n</response>", "Hello\n"),
    ("<speak>Hello</speak>", "<speak>Hello</speak>"),
    ("### Assistant:\nHello", "Hello"),
    ("### Response:\nHello", "Hello"),
    ("ASSISTANT: Hello", "Hello"),
    ("Daredevil: Hello", "Daredevil: Hello"),
    ("Hello.\n\nUSER: And?", "Hello.\n\n"),
    ("Hello.\n<|user|>\nHi", "Hello.\n"),
    ("Hello.<|eot_id|>assistant\n\nMore", "Hello."),
    ("<|assistant|>\nHello", "Hello"),
    ("[INST] Hi [/INST] Hello", "Hello"),
    ("<<SYS>>x<</SYS>>Hello", "Hello"),
    ("<bos><start_of_turn>model\nHello<end_of_turn><eos>", "Hello"),
    ("<|endofprompt|>Hello", "Hello"),
    ("Hello<|endoftext|>", "Hello"),
    ("Hello</s><s>[INST]", "Hello"),
    ("Hello<|im_end|>\n", "Hello\n"),
    ("<system>x</system>Hello", "Hello"),
    ("<reasoning_content>x</reasoning_content>Hello", "Hello"),
    ("<think>x</think>\n\n<answer>Hello</answer>", "Hello"),
    ('<details type="reasoning" done="true"><summary>Thought</summary>x</details>Hello', "Hello"),
    ('{"tool": "current_time", "args": {}}', ""),
    ('{\n  "name": "current_time",\n  "arguments": {"time_zone": "Pa', ""),
    ('Sure.\n{"name": "current_time", "arguments": {"time_zone": "Paris"}}', "Sure.\n"),
    ('{"tool_calls": [{"name": "t", "arguments": {}}]}', ""),
    ('{"tool_uses": [{"recipient_name": "functions.t", "parameters": {}}]}', ""),
    ('{"function_call": {"name": "t", "arguments": "{}"}}', ""),
    ('{"action": "t", "action_input": {}}', ""),
    ("<longcat_tool_call>x</longcat_tool_call>Ok.", "Ok."),
    ("<seed:tool_call><function=t></function></seed:tool_call>Ok.", "Ok."),
    ("\u25c1think\u25b7x\u25c1/think\u25b7Ok.", "Ok."),
    ("<|think|>x<|/think|>Ok.", "Ok."),
    ("<|inner_prefix|>x<|inner_suffix|>Ok.", "Ok."),
    ("<cot>x</cot>Ok.", "Ok."),
    ("<|thinking|>x<|/thinking|>Ok.", "Ok."),
    ("<|begin_of_solution|>Ok.<|end_of_solution|>", "Ok."),
    ("<|eom|>", ""),
    ("Write `<|im_end|>` to end.", "Write `<|im_end|>` to end."),
    ("```\n<tool_call>{}</tool_call>\n```", "```\n<tool_call>{}</tool_call>\n```"),
    ('Use the "<think>" tag.', 'Use the "<think>" tag.'),
    ("Think: it works.", "Think: it works."),
    ("User: root", ""),
    ("Action: the film genre.", "Action: the film genre."),
    ("Use the <function> tag, then close it.", "Use the tag, then close it."),
    ("<think>He wrote <think> and no more.</think>Hello there.", "Hello there."),
    ("[item(s) left] is all.", "[item(s) left] is all."),
]


@pytest.mark.parametrize(("written", "expected"), _OTHER_FAMILIES)
def test_nor_is_what_other_families_of_models_write(written: str, expected: str) -> None:
    for size in (1, 2, 3, 5, 1000):
        pieces = [written[at : at + size] for at in range(0, len(written), size)]
        assert said(*pieces) == expected, size


def test_plain_text_is_passed_on_at_once() -> None:
    unspoken = UnspokenFilter()
    assert unspoken.feed("Hello ") == "Hello "
    assert unspoken.feed("there. 3 < 4") == "there. 3 < 4"
    assert unspoken.feed(" and <th") == " and "
    assert unspoken.feed("at>") == "<that>"


def test_a_thought_that_nobody_saw_begin_is_told_and_then_known() -> None:
    unspoken = UnspokenFilter()
    unspoken.feed("I greet.</think>Hello!")
    assert unspoken.ended_unbegun_thought
    known = UnspokenFilter()
    known.feed("<think>I greet.</think>Hello!</think>")
    assert not known.ended_unbegun_thought
    assert said("I greet. ", "</thi", "nk>\n\nHello!", in_thought=True) == "Hello!"
    assert said("<think>I greet.</think>Hello!", in_thought=True) == "Hello!"
    assert said("Hello, ", "no thought.", in_thought=True) == "Hello, no thought."


_PIECES = st.sampled_from(
    [
        *("<think>", "</think>", "<tool_call>", "</tool_call>", "[TOOL_CALLS]", "[THINK]", "[/THINK]", "<|channel|>"),
        *("analysis", "final", "<|message|>", "<|end|>", "<|start|>", "assistant", "<|im_end|>", "<|im_start|>"),
        *("<|python_tag|>", "<|eom_id|>", "<function=t>", "</function>", "<|start_header_id|>", "<|end_header_id|>"),
        *("User:", "Assistant:", "\n", " ", "`", "```", "<", ">", "{", "}", "[", "]", '"', CALL, "Hello there. ", "a"),
        *(
            "Thought: x",
            "Action: t\n",
            "Action Input: {}",
            "Observation:",
            "Final Answer: ",
            "analysis",
            "[t(a=1)]",
            "```json\n",
        ),
        *("<|channel>", "<channel|>", "<function>", "<|eot_id|>", "assistant\n", "<unused94>", "functools"),
        *("<answer>", "</answer>", "<s>", "</s>", "**", "### ", "<|", "|>", "<start_of_turn>", "user\n", "[ARGS]"),
    ]
)


@given(st.lists(_PIECES, max_size=14).map("".join), st.lists(st.integers(0, 80), max_size=12))
@example("Hello <think>x</think> there", [3, 8, 9])
def test_any_pieces_give_the_same(written: str, cuts: list[int]) -> None:
    places = sorted({min(cut, len(written)) for cut in cuts})
    pieces = [written[a:b] for a, b in zip([0, *places], [*places, len(written)], strict=True)]
    whole = said(written)
    assert said(*pieces) == whole
    assert said(*written) == whole


@given(st.text(alphabet="abc .,!?\n'", max_size=80))
def test_plain_text_is_not_changed(written: str) -> None:
    assert said(*written) == written
