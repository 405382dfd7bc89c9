"""What is said and recorded at the end of a reply, depending on how the model's answer ended. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

from actors.reasoning.clauses import ClauseSplitter, ends_sentence
from contracts.events import ReplyFinish
from infra.engines.llm_ends import Finish

APOLOGY = "I am sorry, I cannot answer right now. Please try again in a moment."
NO_ANSWER = "Sorry, I have no answer to that. Could you say it in another way?"
REFUSED = "I am sorry, I cannot help with that."
OFFER = "Shall I go on?"
LOST = "I am sorry, I lost the rest of that. Shall I go on?"
TOO_LONG = "I am sorry, the answer to that became too long. Could you ask for a part of it?"
CUT_OFF = "I am sorry, I was cut off there. Shall I go on?"
NO_MORE = "I am afraid I cannot say more about that."
NOT_THAT = "I am sorry, I cannot talk about that."

OFFERED = frozenset({"length", "broken-off", "half-closed"})
"""After these the agent asks the caller whether to go on."""
_CUT = frozenset({"length", "filter", "broken-off", "half-closed"})


@dataclass(frozen=True, slots=True)
class ReplyEnding:
    """How a reply ended, as recorded, and the sentence that ends it, if one is needed."""

    finish: ReplyFinish
    sentence: str = ""


_AFTER_SOMETHING: Mapping[Finish, ReplyEnding] = {
    "stop": ReplyEnding("completed"),
    "tool-calls": ReplyEnding("tool-calls"),
    "refusal": ReplyEnding("refusal"),
    "length": ReplyEnding("length", OFFER),
    "filter": ReplyEnding("filter", NO_MORE),
    "broken-off": ReplyEnding("broken-off", LOST),
    "half-closed": ReplyEnding("half-closed", LOST),
    "enough": ReplyEnding("enough"),
}
_AFTER_NOTHING: Mapping[Finish, ReplyEnding] = {
    "stop": ReplyEnding("completed", NO_ANSWER),
    "tool-calls": ReplyEnding("tool-calls", NO_ANSWER),
    "refusal": ReplyEnding("refusal", REFUSED),
    "length": ReplyEnding("length", TOO_LONG),
    "filter": ReplyEnding("filter", NOT_THAT),
    "broken-off": ReplyEnding("failed", APOLOGY),
    "half-closed": ReplyEnding("failed", APOLOGY),
    "enough": ReplyEnding("completed", NO_ANSWER),
}


def ending(finish: Finish, has_said: bool, is_whole: bool = True) -> ReplyEnding:
    """Return the ending of a reply, whether or not something of it has been said.

    `is_whole`: what was said last is a whole sentence. The short first clause of an answer that was cut is
    heard before its ending is known, and must not stand alone.
    """
    if has_said and not is_whole and finish in OFFERED:
        return ReplyEnding(_AFTER_SOMETHING[finish].finish, CUT_OFF)
    return (_AFTER_SOMETHING if has_said else _AFTER_NOTHING)[finish]


def last_clauses(splitter: ClauseSplitter, finish: Finish) -> list[str]:
    """Return the clauses that are left when the stream has ended; only whole sentences if it was cut."""
    if finish not in _CUT:
        return splitter.finish()
    whole = []
    for clause in splitter.feed("  "):  # the space shows whether a full stop ends a sentence
        if not ends_sentence(clause):
            break
        whole.append(clause)
    return whole
