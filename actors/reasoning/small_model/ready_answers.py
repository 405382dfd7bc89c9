"""Answers that are known without asking a model which would invent them. Pure."""

from collections.abc import Sequence

from actors.reasoning.small_model.arithmetic import sum_of
from actors.reasoning.small_model.cannot import cannot
from actors.reasoning.small_model.notes import asks_about_caller, notes, said_before
from actors.reasoning.small_model.small_talk import small_talk
from actors.reasoning.small_model.told import told_before
from actors.reasoning.small_model.words import plain_words
from contracts.events import ContextMessage

NOT_TOLD = "I am sorry, I do not know that about you. Would you like to tell me?"


def ready_answer(
    question: str,
    heard: Sequence[ContextMessage],
    memory: str,
    own: Sequence[ContextMessage],
    introduction: str = "",
) -> str:
    """Return the answer to a question, empty if the model is to answer it.

    `heard` is the conversation, `memory` what was recalled of earlier ones, `own` what was heard of the one who asks.
    `introduction` is what an agent of somebody's own says of itself.
    """
    words = plain_words(question)
    if not words:
        return ""
    answers = [message.text.strip() for message in heard if message.role == "assistant"]
    if found := small_talk(words, question, answers, introduction) or sum_of(question) or cannot(words):
        return found
    if not asks_about_caller(question):
        return ""
    return told_before(question, said_before(memory, own)) or ("" if notes(memory, own) else NOT_TOLD)
