"""NATS requests: who sends them, and who answers."""

from dataclasses import dataclass
from typing import NamedTuple

from contracts.topology.addresses import (
    ACTORS,
    APPS,
    BRIDGE,
    BRIDGE_LIVEKIT,
    CLI,
    HTTP,
    LIVEKIT_ROOM,
    PROJECTIONS,
    REASONING,
    SUPERVISOR,
    SYNTHESIS,
    TOOLS,
    TRANSCRIPT,
    Address,
    role_of,
)
from contracts.topology.streams import DURABLES


class Answering(NamedTuple):
    """The `processes` that answer a request under the name `who`, what they subscribe to, and their queue group."""

    who: str
    processes: tuple[str, ...]
    subject: str
    queue: str


@dataclass(frozen=True, slots=True)
class Request:
    """A NATS request; `name`, `messages` and `answers` are AsyncAPI's.

    With a `queue` group one of all processes answers, else each that subscribes to the subject. `asked_by` are our
    processes; none means that clients send it. `subject` is what an answering process subscribes to, in the braces of
    `address` that are left: `{session}` is one of its own sessions, `*` is every one.
    """

    name: str
    address: Address
    messages: tuple[str, ...]
    answers: tuple[str, ...]
    description: str
    answered_by: tuple[str, ...]
    asked_by: tuple[str, ...] = ()
    queue: str = ""
    is_every_session: bool = False

    @property
    def subject(self) -> str:
        """What an answering process subscribes to; names still to be filled in are in braces."""
        return self.address.pattern if self.is_every_session else self.address.text

    @property
    def answering(self) -> list[Answering]:
        """Who answers: by role, or one by one if the subject names the process."""
        if self.address.names == ("durable",):
            return [
                Answering(durable.name, (durable.name, durable.actor), self.address.of(durable.name), durable.name)
                for durable in DURABLES
            ]
        if self.address.names and self.address.names[0] in ("process", "actor", "projection"):
            return [Answering(who, (who,), self.address.of(who), self.queue) for who in self.answered_by]
        roles: dict[str, list[str]] = {}
        for process in self.answered_by:
            roles.setdefault(role_of(process), []).append(process)
        return [Answering(role, tuple(found), self.subject, self.queue) for role, found in roles.items()]


SOUND_AGAIN = Request(
    "SoundAgain",
    Address("do.{session}.synthesis.clause"),
    ("ClauseAgain",),
    ("Taken",),
    "Requests a clause's sound again when a door has lost it; the answer comes when all of it is published.",
    answered_by=(SYNTHESIS,),
    asked_by=(BRIDGE, LIVEKIT_ROOM),
    queue=SYNTHESIS,
    is_every_session=True,
)

CHAT = Request(
    "Chat",
    Address("do.{session}.reasoning.chat"),
    ("ChatRequest",),
    ("ChatAnswer", "ChatProblem"),
    "Sends a text, in a session or (with `new` in its place) in a new one. A door answers.",
    answered_by=(BRIDGE, HTTP),
    queue="chat",
    is_every_session=True,
)

SAY = Request(
    "Say",
    Address("do.{session}.reasoning.say"),
    ("SayRequest",),
    ("SayStored", "Refusal"),
    "Has the agent say something by itself, when what it is saying is over; the answer comes once that is stored.",
    answered_by=(REASONING,),
    asked_by=(REASONING, TOOLS, HTTP, CLI),
    queue=REASONING,
    is_every_session=True,
)

CLAIM = Request(
    "Claim",
    Address("do.{session}.bridge.claim"),
    ("Question",),
    ("Done",),
    "A door claims a session that another door may hold; the answer comes once that one has released it.",
    answered_by=(BRIDGE, LIVEKIT_ROOM),
    asked_by=(BRIDGE, BRIDGE_LIVEKIT),
)

END = Request(
    "End",
    Address("do.{session}.bridge.end"),
    ("EndRequest", "Question"),
    ("Done", "Refusal"),
    "Asks the door that holds a session to end it; the answer comes once the session has ended.",
    answered_by=(BRIDGE, LIVEKIT_ROOM),
    asked_by=(BRIDGE, HTTP),
)

HELD = Request(
    "Held",
    Address("do.{session}.bridge.held"),
    ("Question",),
    ("Done",),
    "Asks whether a door holds a session; the one that does answers.",
    answered_by=(BRIDGE, LIVEKIT_ROOM),
    asked_by=(BRIDGE, HTTP, BRIDGE_LIVEKIT),
)

HANGUP = Request(
    "Hangup",
    Address("do.{session}.bridge.hangup"),
    ("HangupRequest", "Question"),
    ("Done", "Refusal"),
    "Asks the LiveKit door to remove a participant from a session's room, or to end the session.",
    answered_by=(LIVEKIT_ROOM,),
)

TRANSFER = Request(
    "Transfer",
    Address("do.{session}.bridge.transfer"),
    ("TransferRequest",),
    ("Done", "Refusal"),
    "Asks the LiveKit door to transfer a phone call.",
    answered_by=(LIVEKIT_ROOM,),
    asked_by=(REASONING, TOOLS),
)

PUT_BACK = Request(
    "PutBack",
    Address("retry.{durable}"),
    ("PutBackLetter",),
    ("Taken",),
    "A dead letter that an actor is asked to process again.",
    answered_by=ACTORS,
    asked_by=(CLI,),
)

HEALTH = Request(
    "Health",
    Address("health.{process}"),
    ("Question",),
    ("Answer",),
    "Asks whether a process is up, and what it cannot do. Every copy answers.",
    answered_by=APPS,
    asked_by=(BRIDGE, HTTP, LIVEKIT_ROOM, SUPERVISOR, CLI),
)

LOAD = Request(
    "Load",
    Address("load.{process}"),
    ("LoadQuestion",),
    ("LoadAnswer",),
    "Asks which copies of a process have no room for more: an overloaded one asks the others, a door and a room's job "
    "before they take a session. Every copy answers.",
    answered_by=(TRANSCRIPT, BRIDGE_LIVEKIT),
    asked_by=(TRANSCRIPT, BRIDGE, HTTP, BRIDGE_LIVEKIT, LIVEKIT_ROOM),
)

CLOCK = Request(
    "Clock",
    Address("clock"),
    ("Question",),
    ("ClockAnswer",),
    "Processes ask one another for the time; those with conversations in progress answer.",
    answered_by=(*APPS, LIVEKIT_ROOM),
    asked_by=(*APPS, LIVEKIT_ROOM),
)

STATUS = Request(
    "ProjectionStatus",
    Address("status.{projection}"),
    ("Question",),
    ("ProjectionStatusAnswer",),
    "Asks for the status of a projection. Every copy answers.",
    answered_by=PROJECTIONS,
    asked_by=(CLI,),
)

REQUESTS = (SOUND_AGAIN, CHAT, SAY, CLAIM, END, HELD, HANGUP, TRANSFER, PUT_BACK, HEALTH, LOAD, CLOCK, STATUS)


def chat_subject(session_id: str) -> str:
    """Return the subject of chat requests: `{text, user_id}` in MessagePack.

    The answer is `{session_id, turn_id, reply_id, text}` or `{error: {code, message}}`.
    """
    return CHAT.address.of(session_id)


def say_subject(session_id: str) -> str:
    """Return where the agent is asked to say something by itself; `contracts.requests.SayRequest` is the body."""
    return SAY.address.of(session_id)


def sound_again_subject(session_id: str) -> str:
    """Return where a clause's sound is requested again: a request with the encoded ReplyClauseWritten.

    The answer is empty when all of it has been published, else it is the reason why not.
    """
    return SOUND_AGAIN.address.of(session_id)


def claim_subject(session_id: str) -> str:
    """Return where a door claims a session that another may hold; the answer comes once that one has released it."""
    return CLAIM.address.of(session_id)


def end_subject(session_id: str) -> str:
    """Return where the door that holds a session is asked to end it; the answer comes once it has ended.

    `contracts.requests.end_request` makes the body, with a reason; an empty one ends it as a hang-up does.
    """
    return END.address.of(session_id)


def held_subject(session_id: str) -> str:
    """Return where the door that holds a session confirms that, with an empty answer."""
    return HELD.address.of(session_id)


def hangup_subject(session_id: str) -> str:
    """Return where a hang-up is requested: `{participant_id}` in MessagePack, or nothing to end the session."""
    return HANGUP.address.of(session_id)


def transfer_subject(session_id: str) -> str:
    """Return where a phone call's transfer is requested: `{participant_id, to}` in MessagePack."""
    return TRANSFER.address.of(session_id)


def retry_subject(durable: str) -> str:
    """Return where a dead letter is sent again: a request answered by one copy of the actor."""
    return PUT_BACK.address.of(durable)


def health_subject(process: str) -> str:
    """Return where the copies of a process answer with their process ids once they are up."""
    return HEALTH.address.of(process)


def load_subject(process: str) -> str:
    """Return where a process's copies are asked for their load; each answers `<its id> <0 or 1>`, 1 if overloaded."""
    return LOAD.address.of(process)


def status_subject(projection: str) -> str:
    """Return where the copies of a projection answer with their status."""
    return STATUS.address.of(projection)


CLOCK_SUBJECT = CLOCK.address.text
"""Where processes ask one another for the time; a busy one answers with `{time_ns, busy_ns}` in JSON."""
