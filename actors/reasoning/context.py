"""What the model is given: the conversation as the person heard it, cut to what the model can take. Pure."""

from collections.abc import Sequence

from actors.reasoning.fold import Session, heard_by
from contracts.events import ContextMessage
from infra.engines.llm import Limits

CUT = " … "


def heard_messages(session: Session, turn_id: str | None, time_ns: int, exchanges: int) -> list[ContextMessage]:
    """Return what was said before turn `turn_id` in a conversation, as heard at `time_ns`.

    At most the last `exchanges` turns. A reply that was cut off holds its heard words only, one that nobody heard
    does not appear.
    """
    spoken: list[list[ContextMessage]] = []
    heard = _heard_by_turn(session, time_ns)
    for greeting in (text for key, text in heard.items() if key not in session.turns):
        spoken.append([ContextMessage(role="assistant", text=greeting)])
    for turn in session.turns.values():
        if turn.text is None or turn.turn_id == turn_id or not turn.text.strip():
            continue
        exchange = [ContextMessage(role="user", text=turn.text.strip())]
        if turn.turn_id in heard:
            exchange.append(ContextMessage(role="assistant", text=heard[turn.turn_id]))
        spoken.append(exchange)
    return [message for exchange in spoken[_first_kept(len(spoken), exchanges) :] for message in exchange]


def _heard_by_turn(session: Session, time_ns: int) -> dict[str, str]:
    heard: dict[str, str] = {}
    for reply in session.replies.values():
        text = heard_by(reply, time_ns).strip() if reply.granted else ""
        if text and reply.turn_id is not None:
            heard[reply.turn_id] = f"{heard[reply.turn_id]} {text}" if reply.turn_id in heard else text
    return heard


def _first_kept(count: int, most: int) -> int:
    """Return how many of the oldest exchanges to leave out.

    They go several at a time: as long as the beginning stays the same, the model needs not read it again.
    """
    if count <= most:
        return 0
    step = max(1, most // 3)
    return min(count, -(-(count - most) // step) * step)


def fitted(messages: Sequence[ContextMessage], question: str, limits: Limits) -> list[ContextMessage]:
    """Return the messages and the question, cut to the model's limits: the newest stay, the question always."""
    question = shortened(question.strip(), limits.question_chars)
    room = limits.context_chars - len(question)
    kept: list[ContextMessage] = []
    for message in reversed(messages):
        text = shortened(message.text, limits.question_chars)
        room -= len(text)
        if room < 0:
            break
        kept.insert(0, message.model_copy(update={"text": text}))
    while kept and kept[0].role == "assistant" and len(kept) < len(messages):
        kept.pop(0)  # an answer whose question was cut away
    return _joined([*kept, ContextMessage(role="user", text=question)])


def _joined(messages: list[ContextMessage]) -> list[ContextMessage]:
    """Make one of neighbours that said both: many models refuse two user messages in a row."""
    joined: list[ContextMessage] = []
    for message in messages:
        if joined and joined[-1].role == message.role:
            joined[-1] = message.model_copy(update={"text": f"{joined[-1].text}\n{message.text}"})
        else:
            joined.append(message)
    return joined


def shortened(text: str, chars: int) -> str:
    """Return a text of at most `chars` characters: the beginning and the end of a longer one."""
    if len(text) <= chars:
        return text
    tail = chars // 4
    return text[: chars - tail - len(CUT)].rstrip() + CUT + text[len(text) - tail :].lstrip()
