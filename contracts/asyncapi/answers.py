"""Small requests and answers between processes, dead letters, and entries of buckets, in `asyncapi.yaml`."""

import base64

from contracts.alerts import FIRING, PASSED_LABELS, RESOLVED, TOKEN
from contracts.asyncapi.parts import (
    BYTES,
    EXAMPLE_ID,
    EXAMPLE_NS,
    EXAMPLE_SESSION,
    JSON,
    TEXT,
    Node,
    message,
    number,
    obj,
    plain,
    reference,
    text,
    whole,
)
from contracts.asyncapi.schemas import example
from contracts.journal import VERSION, ChunkWriter
from contracts.requests import PHONE_ADDRESS, REASON

_SUBJECT = f"voice.{EXAMPLE_SESSION}.moon.risen"
_CHUNK = base64.b64encode(ChunkWriter().bytes("reasoning-3f9c", "0.1.0", 4, 17, True)).decode()
_LETTER = {
    "Daredevil-Subject": _SUBJECT,
    "Daredevil-Durable": "persistence",
    "Daredevil-Sequence": "4711",
    "Daredevil-Reason": f"no event is known for subject '{_SUBJECT}'",
}
_LEASE = {
    "session_id": EXAMPLE_SESSION,
    "room": "daily",
    "room_sid": "RM_9kAv2bCq",
    "agent_name": "",
    "state": "held",
    "owner": "host/4711/9f2c1ab4",
    "reply_id": EXAMPLE_ID,
    "played_samples": 35_280,
}
_CARD = {"name": "booking", "instructions": "You take bookings for {restaurant}.", "greeting": "Good evening."}
_ALERT = {
    "severity": "critical",
    "name": "ServiceDown",
    "status": FIRING,
    "started_at": "2026-11-22T18:30:15.123Z",
    "summary": "daredevil-reasoning does not answer",
    "labels": {"service_name": "daredevil-reasoning", "job": "daredevil"},
}
_STATUS = {
    "name": "projection-postgres",
    "state": "live",
    "reason": "",
    "position": 4711,
    "log_end": 4711,
    "events_per_s": 12.5,
    "errors": 0,
    "last_error": "",
    "pid": 4711,
}


def other_messages(schemas: Node) -> Node:
    """Return the messages that are neither facts nor sound nor chat."""
    present = [{"participant_id": "p-1", "kind": "person", "user_id": "sam", "since_ns": EXAMPLE_NS}]
    clause, track = example("ReplyClauseWritten", schemas), example("TrackPublished", schemas)
    refused = {"error": {"code": "participant-unknown", "message": "nobody in this room is 'p-9'"}}
    transfer = {"participant_id": "p-1", "to": "tel:+4940123456"}
    return {
        **message(
            "JournalChunk",
            "What one copy of an actor took in, in its order.",
            _CHUNK,
            content_type=BYTES,
            example={"summary": "Its bytes are base64 here."},
        ),
        **message(
            "DeadLetter",
            "A message that could not be handled, with the reason.",
            "",
            BYTES,
            schema="LetterBytes",
            headers=reference("components", "schemas", "LetterHeaders"),
            example={"headers": _LETTER},
        ),
        **message(
            "PutBackLetter",
            "A dead letter's bytes, with the subject on which they arrived.",
            "",
            BYTES,
            schema="LetterBytes",
            headers=reference("components", "schemas", "PutBackHeaders"),
            example={"headers": {"Daredevil-Subject": _SUBJECT}},
        ),
        **message("Taken", "Empty if it was handled, else why not.", "no handler takes it", TEXT, schema="TakenText"),
        **message("Done", "Empty: it was done, or it is so.", "", TEXT, schema="NothingText"),
        **message("Question", "An empty request.", "", TEXT, schema="QuestionText"),
        **message(
            "Answer",
            "The process's id.",
            "4711",
            TEXT,
            schema="AnswerText",
            headers=reference("components", "schemas", "AnswerHeaders"),
        ),
        **message("LoadQuestion", "Whether a copy is full.", "s-1", TEXT, schema="LoadQuestionText"),
        **message("LoadAnswer", "Whether a copy is full.", f"{EXAMPLE_ID} 0", TEXT, schema="LoadText"),
        **message("ClockAnswer", "What the time is.", {"time_ns": EXAMPLE_NS, "busy_ns": 61_000_000_000}, JSON),
        **message("ProjectionStatusAnswer", "How far one copy is.", _STATUS, JSON),
        **message("EndRequest", "Why the session is to end.", {"reason": "moderation"}),
        **message("SayRequest", "What the agent is to say.", {"text": "A colleague will join us.", "by": "my-program"}),
        **message("SayStored", "Under which event id it is stored.", {"event_id": EXAMPLE_ID}),
        **message("HangupRequest", "Who is to leave.", {"participant_id": "p-1"}),
        **message("TransferRequest", "Whose call goes where.", transfer),
        **message("Refusal", "Why it was not done.", refused),
        **message("Alert", "What is wrong, or is over.", _ALERT, JSON),
        **message("Zeros", "Bytes of no meaning.", "", BYTES, schema="ZeroBytes"),
        **message("Presence", "Who is in the session.", present, JSON),
        **message("RoomLease", "Which job has the room.", _LEASE, JSON),
        **message("ClauseAgain", "A clause whose sound was lost.", clause, schema="ReplyClauseWritten"),
        **message("AgentCards", "Which agents there are.", {"agents": [_CARD]}, JSON),
        **message("SilentTrack", "A track that sends nothing.", track, schema="TrackPublished"),
        **message("CachedAnswer", "An answer that a model gave.", "It is nine.", TEXT, schema="CachedText"),
    }


def other_schemas() -> Node:
    """Return their schemas."""
    error = {"code": text("What went wrong, for programs."), "message": text("What went wrong, for people.")}
    return {
        **_letter_headers(),
        **plain("LetterBytes", "The message's bytes as they came.", format="binary"),
        **plain("TakenText", "Empty if it was handled, else why not."),
        **plain("NothingText", "Empty.", maxLength=0),
        **plain("QuestionText", "Empty.", maxLength=0),
        **plain("AnswerText", "A process id in digits.", pattern="^[0-9]+$"),
        **plain("LoadQuestionText", "The session that wants to begin; empty: none in particular."),
        **plain("LoadText", "The id of the copy, a space, and 1 if it is overloaded, else 0.", pattern="^[^ ]+ [01]$"),
        **plain(
            "JournalChunk",
            f"A version ({VERSION}), then raw deflate (RFC 1951) of a MessagePack array; see contracts/journal.py.",
            format="binary",
        ),
        **plain("ZeroBytes", "Zeros.", format="binary"),
        **plain("CachedText", "The answer's text."),
        **obj("AnswerHeaders", "What the process cannot do.", {"Daredevil-Unable": _UNABLE}, []),
        **obj(
            "ClockAnswer",
            "The time where conversations are in progress.",
            {
                "time_ns": whole("The time, Unix epoch ns."),
                "busy_ns": whole("For how long the process has had conversations, ns: the longest counts."),
            },
        ),
        **_status(),
        **obj(
            "EndRequest",
            "Why the session is to end (`SessionClosed.reason`); an empty message, or one without a reason, hangs up.",
            {"reason": text("What the program that asks ends it for.") | {"pattern": f"^{REASON}$"}},
            [],
        ),
        **obj(
            "SayRequest",
            "What the agent is to say, and who asks for it.",
            {
                "text": text("What to say, with at least one word."),
                "by": text("What asks for it, in the log: up to 64 characters."),
                "id": text("Of the program's own, up to 64 characters: what is asked twice under one id is said once."),
            },
            ["text"],
        ),
        **obj("SayStored", "It is stored, and will be said.", {"event_id": text("The id of its RemarkRequested.")}),
        **obj(
            "HangupRequest",
            "Whom to remove from the room; without a participant, or as an empty message, the session ends.",
            {"participant_id": text("Who is to leave.")},
            [],
        ),
        **obj(
            "TransferRequest",
            "Whose call goes where.",
            {
                "participant_id": text("Whose call it is."),
                "to": text("Where it goes: `tel:+49…` or `sip:…`.") | {"pattern": f"^({PHONE_ADDRESS})$"},
            },
        ),
        **obj("Refusal", "Why it was not done.", {"error": reference("components", "schemas", "RefusalError")}),
        **obj("RefusalError", "What went wrong.", error),
        **_alert(),
        **_presence(),
        **_lease(),
        **_cards(),
    }


_UNABLE = text("What the process cannot do, separated by commas: `hear`, `answer` or `speak`; absent if it can do all.")


def _letter_headers() -> Node:
    subject = text("Subject that the message came on.")
    fields = {
        "Daredevil-Subject": subject,
        "Daredevil-Durable": text("The consumer that could not take it."),
        "Daredevil-Sequence": text("Its sequence in the stream VOICE."),
        "Daredevil-Reason": text("Why it could not be taken."),
    }
    return {
        **obj("LetterHeaders", "Where a dead letter comes from, and why it could not be handled.", fields),
        **obj("PutBackHeaders", "Where the message came from.", {"Daredevil-Subject": subject}),
    }


def _status() -> Node:
    state = "`live`, `catching up`, `standby`, `waiting` or `stopped`."
    return obj(
        "ProjectionStatusAnswer",
        "One copy of a projection.",
        {
            "name": text("The projection."),
            "state": text(state),
            "reason": text("Why it is in that state, and what to do if it has stopped."),
            "position": whole("The last sequence of the log that is kept."),
            "log_end": whole("The log's last sequence."),
            "events_per_s": number("Events stored per second, over the last ten seconds."),
            "errors": whole("How many facts could not be stored completely."),
            "last_error": text("Why the last of them could not."),
            "pid": whole("The process's id."),
        },
    )


def _alert() -> Node:
    token = {"pattern": f"^{TOKEN}$"}
    properties = {
        "severity": text("How bad it is, as in its subject.") | token,
        "name": text("Which alert it is, as in its subject.") | token,
        "status": reference("components", "schemas", "AlertStatus"),
        "started_at": text("Since when, RFC 3339."),
        "ended_at": text("Until when, RFC 3339; absent while it lasts."),
        "summary": text("What is wrong, in one line."),
        "description": text("What it means, and the figures."),
        "runbook_url": text("The page that says what to look at and do."),
        "labels": {
            "title": "labels",
            "type": "object",
            "description": f"What it is about; of the labels of its rule: {', '.join(PASSED_LABELS)}.",
            "additionalProperties": {"type": "string"},
        },
    }
    status = {"title": "AlertStatus", "type": "string", "enum": [FIRING, RESOLVED]}
    return {
        **obj("Alert", "An alert.", properties, ["severity", "name", "status", "started_at", "labels"]),
        "AlertStatus": {**status, "description": "Whether it lasts or is over."},
    }


def _presence() -> Node:
    return {
        "Presence": {
            "title": "Presence",
            "type": "array",
            "description": "Who is in the session.",
            "items": reference("components", "schemas", "PresentParticipant"),
        },
        **obj(
            "PresentParticipant",
            "Somebody in an open session.",
            {
                "participant_id": text("The participant."),
                "kind": text("`person` or `agent`."),
                "user_id": text("Who it is; empty for the agent."),
                "since_ns": whole("Since when, Unix epoch ns."),
            },
        ),
    }


def _cards() -> Node:
    words = {
        "name": "What it is chosen by.",
        "instructions": "Template of its prompt; empty: the prompt of the settings.",
        "greeting": "Template of what it says first.",
        "llm": "Its model; empty: that of the settings, and so for what follows.",
        "llm_options": "Options of its model: a JSON object.",
        "stt": "Its speech to text.",
        "tts": "Its text to speech.",
        "voice": "Its voice.",
        "filler": "What it says while tools take long; empty for nothing.",
        "silence_text": "What it says into a silence.",
        "time_limit_text": "What it says before a session ends at its time limit.",
        "error": "Why it cannot be chosen; empty if it can.",
    }
    fields: Node = {name: text(said) for name, said in words.items()}
    fields["variables"] = {
        "type": "object",
        "description": "Values of the templates' variables unless the session gives others.",
        "additionalProperties": {"type": "string"},
    }
    fields["filler_after_ms"] = whole("How long tools may run in silence, ms.")
    fields["silence_after_s"] = number("After this long without a word it speaks, s; 0 for never.")
    fields["time_limit_s"] = number("A session ends after this long, s; 0 for never.")
    fields["numbers"] = {
        "type": "array",
        "description": "Telephone numbers that are called to talk with it.",
        "items": {"type": "string"},
    }
    listed = {
        "type": "array",
        "description": "The agents, the one that is taken if none is chosen first.",
        "items": {"$ref": "#/components/schemas/AgentCard"},
    }
    return {
        **obj("AgentCard", "An agent as doors need it.", fields, ["name"]),
        **obj("AgentCards", "All agents of a system.", {"agents": listed}, []),
    }


def _lease() -> Node:
    fields = {
        "session_id": text("The session."),
        "room": text("The room's name."),
        "room_sid": text("LiveKit's id of the room."),
        "agent_name": text("The agent's name at LiveKit; empty if it has none."),
        "state": text("`held`, `free`, `sending` (an agent is on its way) or `over`."),
        "owner": text("Who holds it: host, process id and a random part."),
        "reply_id": text("The reply that is being played; empty if none is."),
        "played_samples": whole("How much of it was heard when this was written."),
    }
    return obj("RoomLease", "Which job holds a room; written three times a second.", fields)
