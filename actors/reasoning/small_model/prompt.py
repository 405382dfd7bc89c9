"""What a model too small for instructions is given after its prompt. Pure."""

from collections.abc import Sequence

from actors.reasoning.small_model.examples import EXAMPLES, EXAMPLES_ABOUT_CALLER, Lines
from actors.reasoning.small_model.notes import asks_about_caller, notes
from contracts.events import ContextMessage


def lines_for(
    question: str, conversation: Sequence[ContextMessage], summary: str, memory: str, own: Sequence[ContextMessage]
) -> Lines:
    """Return examples and the conversation, which ends with the question, or notes for a question about the caller.

    The notes are from `memory` and from what was heard of the caller's `own` words.
    """
    if asks_about_caller(question) and (known := notes(memory, own)):
        return (*EXAMPLES_ABOUT_CALLER, ("user", about_caller(known, question.strip())))
    so_far = (("user", "What have we talked about?"), ("assistant", summary)) if summary else ()
    return (*EXAMPLES, *so_far, *((message.role, message.text) for message in conversation))


def answered(heard: Sequence[ContextMessage]) -> list[ContextMessage]:
    """Return a conversation without uses of tools, and without what was never answered.

    A small model takes that for a part of the question.
    """
    spoken = [message for message in heard if message.role != "tool"]
    return [
        message
        for message, following in zip(spoken, [*spoken[1:], None], strict=False)
        if message.role != "user" or (following is not None and following.role == "assistant")
    ]


def about_caller(known: str, question: str) -> str:
    """Return a question with what is known about the person who asks it, in the form of the examples."""
    return f"About me: {known}\nQuestion: {question}"
