"""What is recorded as context, and what each kind of model is given of it."""

from actors.reasoning.memories import told
from actors.reasoning.prompts import LOST, Background, context_of, prompt_messages, wants_memory
from actors.reasoning.small_model.examples import EXAMPLES, EXAMPLES_ABOUT_CALLER
from contracts.events import ContextMessage
from tests.actors.reasoning.test_memories import SAM

HEARD = [ContextMessage(role="user", text="Hello."), ContextMessage(role="assistant", text="Hi.")]
KNOWN = Background(HEARD, "They greeted.", told([SAM]), ("r1",), 3.0)


def texts(name: str, background: Background, question: str) -> list[tuple[str, str]]:
    return [(message.type, message.text) for message in prompt_messages(name, "Be kind.", background, question)]


def test_the_context_is_prompt_summary_conversation_memories_and_question() -> None:
    context = context_of("m", "Be kind.", KNOWN, "Who am I?")
    assert [message.role for message in context] == ["system", "system", "user", "assistant", "system", "user"]
    assert [message.text for message in context][1:2] == ["The conversation so far: They greeted."]
    assert context[-2].text == KNOWN.memory


def test_a_model_reads_memories_last_so_that_what_it_has_read_stays_the_same() -> None:
    given = texts("m", KNOWN, "Who am I?")
    assert given[:3] == [
        ("system", "Be kind.\n\nThe conversation so far: They greeted."),
        ("human", "Hello."),
        ("ai", "Hi."),
    ]
    assert given[3][1].startswith("[Earlier conversations with this person:")
    assert given[3][1].endswith("]\n\nWho am I?")
    assert texts("m", Background(HEARD), "Who am I?")[:3] == [("system", "Be kind."), *given[1:3]]


def test_a_small_model_is_told_what_it_needs_for_a_question_about_the_caller() -> None:
    given = texts("local", KNOWN, "What is my name?")
    assert len(given) == 1 + len(EXAMPLES_ABOUT_CALLER) + 1
    assert given[-1] == ("human", "About me: My name is Sam and I like owls.\nQuestion: What is my name?")


def test_a_small_model_is_told_nothing_it_has_no_use_for() -> None:
    given = texts("local", KNOWN, "How do I boil an egg?")
    assert len(given) == 1 + len(EXAMPLES) + 2 + len(HEARD) + 1
    assert not any("Sam" in text for _, text in given)
    assert wants_memory("m", "How do I boil an egg?")
    assert not wants_memory("local", "How do I boil an egg?")
    stranger = texts("local", Background(), "What is my name?")
    assert stranger == [*texts("local", Background(), "x")[:-1], ("human", "What is my name?")]


def test_long_memories_leave_less_room_for_the_conversation() -> None:
    long = [ContextMessage(role="user", text=f"{n} " + "x" * 4_000) for n in range(6)]
    alone = prompt_messages("m", "", Background(long), "Hello?")
    beside = prompt_messages("m", "", Background(long, memory="m" * 5_000), "Hello?")
    assert sum(len(message.text) for message in beside) <= 24_100
    assert "0 x" in alone[0].text or "1 x" in alone[0].text


def test_every_model_is_told_that_words_of_the_question_are_missing() -> None:
    for name in ("m", "local"):
        assert texts(name, Background(HEARD, lost=True), "Hello?")[-1] == ("human", f"Hello? {LOST}")
    assert context_of("m", "", Background(lost=True), "Hello?")[-1].text == f"Hello? {LOST}"
