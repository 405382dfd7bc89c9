"""What a model is given for a question: as recorded, and as messages for this model. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage, ToolMessage

from actors.reasoning.context import fitted
from actors.reasoning.small_model.notes import asks_about_caller
from actors.reasoning.small_model.prompt import answered, lines_for
from actors.reasoning.tool_uses import arguments_in
from contracts.events import ContextMessage
from infra.engines.llm import Limits, limits_of
from infra.session.people import listed

SO_FAR = "The conversation so far: "
CUT_OFF = (
    "[Your last answer was cut off before its end, and you asked whether to go on. If that is wanted, continue where "
    "it stopped, without saying any of it again.]"
)


LOST = "[Some of what was said here could not be understood and is missing.]"


@dataclass(frozen=True, slots=True)
class Background:
    """What is known besides the prompt and the question.

    The conversation as `heard`, the summary of its older turns (`summary`), and what was recalled of earlier ones
    (`memory`, from the exchanges `memories`), which took `recall_ms`.
    """

    heard: Sequence[ContextMessage] = ()
    summary: str = ""
    memory: str = ""
    memories: tuple[str, ...] = ()
    recall_ms: float | None = None
    people: tuple[str, ...] = ()
    """Names of all who are or were there; none if there is only one."""
    askers: tuple[str, ...] = ()
    """Those whom the answer is for; the one who asks comes last."""
    lost: bool = False
    """Whether words of the turn that is answered are missing."""
    was_cut_off: bool = False
    """Whether the last answer lost its end, and the agent offered to continue it."""

    @property
    def company(self) -> str:
        """What the model is told about them, empty if there is only one."""
        if not self.people:
            return ""
        return (
            f"Several people are in this conversation: {listed(self.people)}. Each line of theirs begins with a name. "
            "Not all of it is said to you. Answer without a name and a colon in front."
        )

    def asked(self, question: str, limits: Limits) -> str:
        """Return the question as a model gets it, with who asks it and whom to answer."""
        asked = f"{self.askers[-1]}: {question.strip()}" if self.askers else question
        asked = f"{asked} {LOST}" if self.lost else asked
        if not limits.tools:
            return asked
        to_whom = f"[You answer {listed(self.askers)}.]\n" if self.askers else ""
        cut_off = f"{CUT_OFF}\n" if self.was_cut_off else ""
        return f"{cut_off}{to_whom}{asked}"


def wants_memory(name: str, question: str) -> bool:
    """Return whether the model of this name is given earlier conversations with this question.

    A small one only if the question is about the person who asks: they would mislead it, and it reads slowly.
    """
    return limits_of(name).tools or asks_about_caller(question)


def context_of(name: str, prompt: str, background: Background, question: str) -> tuple[ContextMessage, ...]:
    """Return the context of the model of this name, as it is recorded; the question comes last."""
    context = [ContextMessage(role="system", text=prompt)]
    if background.summary:
        context.append(ContextMessage(role="system", text=SO_FAR + background.summary))
    if background.company and limits_of(name).tools:
        context.append(ContextMessage(role="system", text=background.company))
    *heard, asked = _fitted(background, question, limits_of(name))
    recalled = [ContextMessage(role="system", text=background.memory)] if background.memory else []
    return (*context, *heard, *recalled, asked)


def prompt_messages(name: str, prompt: str, background: Background, question: str) -> list[BaseMessage]:
    """Return the messages for the model of this name.

    What changes from question to question comes last, so that a model need not reread the beginning.
    """
    limits = limits_of(name)
    if not limits.tools:
        heard = _fitted(background, question, limits)
        lines = lines_for(question, heard, background.summary, background.memory, own_words(background))
        return [*_system(prompt), *_pairs(lines)]
    so_far = f"{SO_FAR}{background.summary}" if background.summary else ""
    system = "\n\n".join(part for part in (prompt, so_far, background.company) if part)
    *heard, asked = _fitted(background, question, limits)
    text = f"[{background.memory}]\n\n{asked.text}" if background.memory else asked.text
    return [*_system(system), *_messages(heard), HumanMessage(text)]


def own_words(background: Background) -> Sequence[ContextMessage]:
    """Return what was heard; where several speak, only what the person who asks has said, without the name."""
    if not background.askers:
        return background.heard
    mark = f"{background.askers[-1]}: "
    said = [message.text for message in background.heard if message.role == "user" and message.text.startswith(mark)]
    return [ContextMessage(role="user", text=text.removeprefix(mark)) for text in said]


def _fitted(background: Background, question: str, limits: Limits) -> list[ContextMessage]:
    reserved = len(background.summary) + (len(background.memory) if limits.tools else 0)
    heard = background.heard if limits.tools else answered(background.heard)
    return fitted(heard, background.asked(question, limits), limits, reserved)


def _system(text: str) -> list[BaseMessage]:
    return [SystemMessage(text)] if text else []


def _pairs(lines: Sequence[tuple[str, str]]) -> list[BaseMessage]:
    return [HumanMessage(text) if role == "user" else AIMessage(text) for role, text in lines]


def _messages(messages: Sequence[ContextMessage]) -> list[BaseMessage]:
    return [each for place, message in enumerate(messages) for each in _message(message, place)]


def _message(message: ContextMessage, place: int) -> list[BaseMessage]:
    """Return a message for the model; a tool's result comes with its call, as no provider takes it without."""
    if message.role != "tool":
        return _pairs([(message.role, message.text)])
    call_id = f"call_{place}"
    call = {"name": message.tool, "args": dict(arguments_in(message.arguments)), "id": call_id}
    return [AIMessage("", tool_calls=[call]), ToolMessage(message.text, tool_call_id=call_id)]
