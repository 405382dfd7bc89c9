"""What the model is given: the conversation as the person heard it, cut to the model's limits. Pure."""

from collections.abc import Iterable, Mapping, Sequence

from actors.reasoning.endings import OFFERED
from actors.reasoning.session_state import Reply, Session, Turn, heard_by
from contracts.events import ContextMessage
from infra.agents.agent import Agent
from infra.agents.call import Call
from infra.engines.llm import Limits
from infra.session.people import name_of, several, user_of
from infra.time_zones import is_zone

CUT = " … "


def heard_messages(session: Session, turn_id: str | None, time_ns: int, exchanges: int) -> list[ContextMessage]:
    """Return what was said before turn `turn_id` in a conversation, as heard at `time_ns`.

    At most the last `exchanges` turns, and none that the rolling summary stands for. A reply that was cut off has
    only its heard words; one that nobody heard is left out.
    """
    return [message for _, exchange in _told(session, turn_id, time_ns, exchanges) for message in exchange]


def told_replies(session: Session, turn_id: str | None, time_ns: int, exchanges: int) -> frozenset[str]:
    """Return the ids of the replies that `heard_messages` holds."""
    turns = {told for told, _ in _told(session, turn_id, time_ns, exchanges)}
    return frozenset(reply.reply_id for reply in session.replies.values() if reply.turn_id in turns)


def _told(
    session: Session, turn_id: str | None, time_ns: int, exchanges: int
) -> list[tuple[str, list[ContextMessage]]]:
    """Return the exchanges to include, each with its turn."""
    spoken: list[tuple[str, list[ContextMessage]]] = []
    heard, with_tools = _heard_by_turn(session, time_ns), _replies_with_tools(session)
    for key, greeting in heard.items():
        if key not in session.turns:
            spoken.append((key, [ContextMessage(role="assistant", text=greeting)]))
    for turn in session.turns.values():
        if turn.text is None or turn.turn_id == turn_id or not turn.text.strip():
            continue
        if turn.passed is not None and turn.passed.reason == "heard-twice":
            continue
        if not turn.told(turn.text):
            continue
        told_by_tools = _tools_of(with_tools.get(turn.turn_id, ()))
        exchange = [ContextMessage(role="user", text=_by_name(session, turn)), *told_by_tools]
        if turn.turn_id in heard:
            exchange.append(ContextMessage(role="assistant", text=heard[turn.turn_id]))
        spoken.append((turn.turn_id, exchange))
    turns = [turn for turn, _ in spoken]
    spoken = spoken[max(_summarised(session, turns), _summed_up(session, turns)) :]
    return spoken[_first_kept(len(spoken), exchanges) :]


def _replies_with_tools(session: Session) -> dict[str | None, list[Reply]]:
    """Return the replies that called tools, by their turns: a long call has hundreds of each."""
    found: dict[str | None, list[Reply]] = {}
    for reply in session.replies.values():
        if reply.tools:
            found.setdefault(reply.turn_id, []).append(reply)
    return found


def _tools_of(replies: Iterable[Reply]) -> list[ContextMessage]:
    """Return what came of the tools that were called for a turn; of a reply that is never said, only its actions."""
    return [use.message() for reply in replies for use in reply.tools.values() if reply.granted or use.is_action]


def _by_name(session: Session, turn: Turn) -> str:
    text = turn.told(turn.text or "").strip()
    if not several(session.people):
        return text
    return f"{name_of(session.people, turn.participant_id)}: {text}"


def askers(session: Session, turn_id: str | None) -> tuple[str, ...]:
    """Return the names of those whom the answer to a turn is for, the last speaker last; none if only one is there.

    It includes others whose turns right before it were for the agent and got no answer.
    """
    turn = session.turns.get(turn_id or "")
    if turn is None or not several(session.people):
        return ()
    heard = {reply.turn_id for reply in session.replies.values() if reply.heard or reply.playback_ns is not None}
    ids = [turn.participant_id]
    ended = [each for each in session.turns.values() if each.text is not None and each.passed is None]
    for earlier in reversed(ended[: ended.index(turn)] if turn in ended else ended):
        if earlier.turn_id in heard:
            break
        ids.append(earlier.participant_id)
    return tuple(reversed(dict.fromkeys(name_of(session.people, each) for each in ids)))


def was_cut_off(session: Session, turn_id: str | None, time_ns: int) -> bool:
    """Return whether the last answer heard before a turn lost its end, and the agent offered to continue it."""
    for reply in reversed(session.replies.values()):
        if reply.granted and reply.turn_id != turn_id and heard_by(reply, time_ns):
            return reply.finish in OFFERED
    return False


def asker_id(session: Session, turn_id: str | None) -> str:
    """Return the user whose turn it is."""
    turn = session.turns.get(turn_id or "")
    return user_of(session.people, turn.participant_id if turn is not None else "", session.user_id)


def zone_of(session: Session, turn_id: str | None) -> str:
    """Return the time zone of the turn's speaker, from their client or the agent's profile; empty if unknown."""
    turn = session.turns.get(turn_id or "")
    person = session.people.get(turn.participant_id) if turn is not None else None
    told = person.time_zone if person is not None else ""
    known = told or (session.profile.time_zone if session.profile is not None else "")
    return known if known and is_zone(known) else ""


def participant_of(session: Session, turn_id: str | None) -> str:
    """Return the turn's speaker; the only person there, if the turn has none; empty if that is nobody."""
    turn = session.turns.get(turn_id or "")
    if turn is not None and turn.participant_id in session.people:
        return turn.participant_id
    return next(iter(session.people)) if len(session.people) == 1 else ""


def attributes_of(session: Session, turn_id: str | None) -> Mapping[str, str]:
    """Return what the door knows about the turn's speaker; about the only person there, if the turn has none."""
    person = session.people.get(participant_of(session, turn_id))
    return person.attributes if person is not None else {}


def _summed_up(session: Session, turns: Sequence[str]) -> int:
    """Return how many of the oldest exchanges an agent has summed up for the one that took over after them."""
    handed = next((each for each in reversed(session.handed_over) if each.summary), None)
    if handed is None:
        return 0
    return turns.index(handed.turn_id) if handed.turn_id in turns else 0 if handed.turn_id is None else len(turns)


def summary_of(session: Session) -> str:
    """Return what stands for the older turns: the rolling summary, and what an agent that handed over summed up."""
    rolling = session.summary.summary if session.summary is not None else ""
    handed = next((each for each in reversed(session.handed_over) if each.summary), None)
    return " ".join(text for text in (rolling, handed.summary if handed is not None else "") if text)


def call_of(session: Session, agent: Agent, turn_id: str | None) -> Call:
    """Return what a tool or a guard of the agent is told of the call."""
    return Call(
        session.session_id,
        user_id=asker_id(session, turn_id),
        agent=agent.name,
        variables=session.profile.variables if session.profile is not None else {},
        attributes=attributes_of(session, turn_id),
        turn_id=turn_id,
        time_zone=zone_of(session, turn_id),
    )


def _summarised(session: Session, turns: Sequence[str]) -> int:
    """Return how many of the oldest exchanges the summary stands for."""
    through = session.summary.through_turn_id if session.summary is not None else None
    return turns.index(through) + 1 if through in turns else 0


def _heard_by_turn(session: Session, time_ns: int) -> dict[str, str]:
    heard: dict[str, str] = {}
    for reply in session.replies.values():
        text = heard_by(reply, time_ns).strip() if reply.granted else ""
        if text and reply.turn_id is not None:
            heard[reply.turn_id] = f"{heard[reply.turn_id]} {text}" if reply.turn_id in heard else text
    return heard


def _first_kept(count: int, most: int) -> int:
    """Return how many of the oldest exchanges to leave out.

    They are dropped several at a time: while the beginning stays the same, the model need not read it again.
    """
    if count <= most:
        return 0
    step = max(1, most // 3)
    return min(count, -(-(count - most) // step) * step)


def fitted(
    messages: Sequence[ContextMessage], question: str, limits: Limits, reserved_chars: int = 0
) -> list[ContextMessage]:
    """Return the messages and the question, cut to the model's limits: the newest stay, and always the question.

    `reserved_chars` of the context are needed for something else.
    """
    question = shortened(question.strip(), limits.question_chars)
    room = limits.context_chars - reserved_chars - len(question)
    kept: list[ContextMessage] = []
    for message in reversed(messages):
        text = shortened(message.text, limits.question_chars)
        room -= len(text)
        if room < 0:
            break
        kept.insert(0, with_text(message, text))
    while kept and kept[0].role != "user" and len(kept) < len(messages):
        kept.pop(0)  # an answer whose question was cut away
    return _joined([*kept, ContextMessage(role="user", text=question)])


def _joined(messages: list[ContextMessage]) -> list[ContextMessage]:
    """Merge neighbouring messages of one role: many models refuse two user messages in a row."""
    joined: list[ContextMessage] = []
    for message in messages:
        if joined and joined[-1].role == message.role != "tool":
            joined[-1] = message.model_copy(update={"text": f"{joined[-1].text}\n{message.text}"})
        else:
            joined.append(message)
    return joined


def with_text(message: ContextMessage, text: str) -> ContextMessage:
    """Return a message with this text: itself if it has it, as most are short enough and copies take time."""
    return message if message.text == text else message.model_copy(update={"text": text})


def shortened(text: str, chars: int) -> str:
    """Return a text of at most `chars` characters: the beginning and the end of a longer one."""
    if len(text) <= chars:
        return text
    tail = chars // 4
    return text[: chars - tail - len(CUT)].rstrip() + CUT + text[len(text) - tail :].lstrip()
