"""Writes `asyncapi.yaml` from the code: `python -m contracts.asyncapi.document` (`make asyncapi`).

Channels and messages are named after events, operations after who says or takes them. Nothing is typed twice: the
events, their subjects, who says them and who takes them all come from `contracts`.
"""

import base64
import inspect
from importlib.metadata import version
from pathlib import Path
from typing import Any

import yaml

from contracts import audio
from contracts.asyncapi.chat import chat_channels, chat_messages, chat_operations, chat_schemas
from contracts.asyncapi.schemas import EXAMPLE_ID, EXAMPLE_NS, Node, event_schemas, example, reference
from contracts.codec import CONTENT_TYPE
from contracts.numbers import INT64_MAX
from contracts.topology import ACTORS, BRIDGE, DURABLES, EVENTS, LIVE, VOICE, Durable, Row

PATH = Path(__file__).parents[2] / "asyncapi.yaml"
HOW_TO_READ = PATH.parent / "docs" / "reading-the-log.md"

SESSION = "The conversation: 1 to 64 of a-z, 0-9 and inner hyphens."
SILENCING = ["TurnInterrupted", "ReplyDiscarded", "SessionClosed"]
"""What every copy of reasoning and synthesis hears at once, whichever copy is at work on the reply."""
PARAMETERS = {
    "session": SESSION,
    "participant": "Who is heard: the participant's id.",
    "noun": "First half of the event's subject tail, as `turn`.",
    "state": "Second half of the event's subject tail, as `ended`.",
    "durable": "Name of the durable consumer, which is the actor's.",
    "process": "Name of a process: an actor or the bridge's door.",
}


def document() -> Node:
    """Return the whole AsyncAPI 3.0.0 document."""
    schemas = event_schemas()
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Daredevil",
            "version": version("daredevil"),
            "description": HOW_TO_READ.read_text() if HOW_TO_READ.is_file() else "See the project's documentation.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": CONTENT_TYPE,
        "servers": {
            "nats": {
                "host": "127.0.0.1:4222",
                "protocol": "nats",
                "title": "NATS with JetStream",
                "description": "NATS with JetStream: embedded on a free port, or the one of DAREDEVIL_NATS_URL.",
            }
        },
        "channels": {
            **{row.event.__name__: _event_channel(row) for row in EVENTS},
            **_live_channel(),
            **_audio_channels(),
            **_dead_channel(),
            **_request_channels(),
            **chat_channels(SESSION),
        },
        "operations": {**_event_operations(), **_other_operations(), **chat_operations()},
        "components": {
            "messages": {
                **{row.event.__name__: _event_message(row, schemas) for row in EVENTS},
                **_other_messages(),
                **chat_messages(),
            },
            "schemas": {**schemas, **_frame_schemas(), **_header_schemas(), **_other_schemas(), **chat_schemas()},
        },
    }


def _channel(address: str, messages: list[str], description: str) -> Node:
    node: Node = {"address": address, "title": description.partition(".")[0], "description": description}
    names = [part[1:-1] for part in address.split(".") if part.startswith("{")]
    if names:
        node["parameters"] = {name: {"description": PARAMETERS[name]} for name in names}
    node["messages"] = {name: reference("components", "messages", name) for name in messages}
    return node


def _first_line(thing: type[object]) -> str:
    return (thing.__doc__ or "").strip().splitlines()[0]


# -- events


def _event_channel(row: Row) -> Node:
    node = _channel(f"voice.{{session}}.{row.tail}", [row.event.__name__], _first_line(row.event))
    return {**node, "title": row.event.__name__, "x-jetstream": {"stream": VOICE}}


def _event_message(row: Row, schemas: Node) -> Node:
    name = row.event.__name__
    headers = {"Nats-Msg-Id": EXAMPLE_ID, "Daredevil-Event": name}
    return {
        "name": name,
        "title": name,
        "summary": _first_line(row.event),
        "description": inspect.cleandoc(row.event.__doc__ or ""),
        "contentType": CONTENT_TYPE,
        "correlationId": {"description": "The turn it belongs to.", "location": "$message.payload#/turn_id"},
        "headers": reference("components", "schemas", "EventHeaders"),
        "payload": reference("components", "schemas", name),
        "examples": [{"name": f"{name}Example", "headers": headers, "payload": example(name, schemas)}],
    }


def _header_schemas() -> Node:
    text = {"type": "string"}
    return {
        "EventHeaders": {
            "title": "EventHeaders",
            "description": "What every event carries besides its bytes.",
            "type": "object",
            "required": ["Nats-Msg-Id", "Daredevil-Event"],
            "properties": {
                "Nats-Msg-Id": {**text, "description": "The event's id: said twice, stored once."},
                "Daredevil-Event": {**text, "description": "Name of the event's class."},
                "traceparent": {**text, "description": "W3C trace context of what said it."},
                "tracestate": {**text, "description": "W3C trace state."},
            },
        },
        "LetterHeaders": {
            "title": "LetterHeaders",
            "description": "Where a dead letter comes from, and why it is one.",
            "type": "object",
            "required": ["Daredevil-Subject", "Daredevil-Durable", "Daredevil-Sequence", "Daredevil-Reason"],
            "properties": {
                "Daredevil-Subject": {**text, "description": "Subject that the message came on."},
                "Daredevil-Durable": {**text, "description": "The consumer that could not take it."},
                "Daredevil-Sequence": {**text, "description": "Its sequence in the stream VOICE."},
                "Daredevil-Reason": {**text, "description": "Why it could not be taken."},
            },
        },
    }


def _event_operations() -> Node:
    operations: Node = {}
    for row in EVENTS:
        name = row.event.__name__
        for sayer in row.publishers:
            operations[f"{sayer}-says-{name}"] = _operation("send", sayer, name, [name], _SAID)
        for durable in DURABLES:
            if not durable.events or row.event in durable.events:
                operations[f"{durable.name}-takes-{name}"] = _taken(durable, name)
    return operations


def _taken(durable: Durable, name: str) -> Node:
    return _operation("receive", durable.name, name, [name], f"Through the durable consumer `{durable.name}` of VOICE.")


_SAID = "Stored in VOICE: it counts once NATS has acknowledged it, and is sent again with the same id until then."
_PLAYED = "By a plain publish, as it is made; nobody waits for it."
_BURIED = "After three attempts, or at once when it cannot be decoded."
_ASKED = "As a request: the answer goes to its reply inbox."
_HEARD = "By a plain subscription: each copy hears all of it, and nothing is acknowledged."


def _operation(action: str, who: str, channel: str, messages: list[str], description: str) -> Node:
    return {
        "action": action,
        "title": f"{who} {'sends' if action == 'send' else 'receives'} {channel}",
        "channel": reference("channels", channel),
        "tags": [{"name": who}],
        "messages": [reference("channels", channel, "messages", name) for name in messages],
        "description": description,
    }


# -- what is not a fact: stored facts sent again, sound, dead letters, requests


def _live_channel() -> Node:
    address = LIVE.text
    description = "Every fact once more as soon as it is stored, for plain subscriptions; `Nats-Sequence` is its place."
    return {"StoredFact": _channel(address, [row.event.__name__ for row in EVENTS], description)}


def _audio_channels() -> Node:
    kept = "Core NATS, not awaited; the memory stream AUDIO keeps it for a while."
    return {
        "MicrophoneSound": _channel("audio.{session}.in.{participant}", ["InFrame"], f"A participant's sound. {kept}"),
        "AgentSound": _channel("audio.{session}.out.agent", ["OutFrame"], f"The agent's sound, unpaced. {kept}"),
    }


def _dead_channel() -> Node:
    return {"DeadLetter": _channel("dead.{durable}", ["DeadLetter"], "What no handler could take, in stream DEAD.")}


def _request_channels() -> Node:
    return {
        "PutBack": _channel("retry.{durable}", ["DeadLetter"], "A dead letter that an actor is asked to take again."),
        "PutBackAnswer": {
            "address": None,
            "description": "Reply inbox of the request.",
            "messages": {"Taken": reference("components", "messages", "Taken")},
        },
        "SoundAgain": _channel(
            "do.{session}.synthesis.clause",
            ["ReplyClauseWritten"],
            "Asks for a clause's sound again, when a door has lost it.",
        ),
        "SoundAgainAnswer": {
            "address": None,
            "description": "Reply inbox of the request.",
            "messages": {"Taken": reference("components", "messages", "Taken")},
        },
        "Health": _channel("health.{process}", ["Question"], "Asks whether a process is up."),
        "HealthAnswer": {
            "address": None,
            "description": "Reply inbox of the request.",
            "messages": {"Answer": reference("components", "messages", "Answer")},
        },
    }


def _other_messages() -> Node:
    text: Node = {"contentType": "text/plain"}
    return {
        "InFrame": _frame_message(audio.InFrame, ["t-1", 8_960, EXAMPLE_NS, _PCM]),
        "OutFrame": _frame_message(audio.OutFrame, [EXAMPLE_ID, 0, 0, 24_000, _PCM, True, [6_400, 12_800]]),
        "DeadLetter": {
            "name": "DeadLetter",
            "title": "DeadLetter",
            "summary": "A message that could not be taken, with the reason.",
            "headers": reference("components", "schemas", "LetterHeaders"),
            "contentType": "application/octet-stream",
            "payload": reference("components", "schemas", "LetterBytes"),
            "examples": [{"name": "DeadLetterExample", "headers": _LETTER, "payload": ""}],
        },
        "Taken": {**_told("Taken", "Empty when it was taken, else why not.", "no handler takes it"), **text},
        "Question": {**_told("Question", "An empty request.", ""), **text},
        "Answer": {**_told("Answer", "The process's id.", "4711"), **text},
    }


_LETTER = {
    "Daredevil-Subject": "voice.20261122-183015-9f2c1ab4.moon.risen",
    "Daredevil-Durable": "persistence",
    "Daredevil-Sequence": "4711",
    "Daredevil-Reason": "no event is known for subject 'voice.20261122-183015-9f2c1ab4.moon.risen'",
}


def _told(name: str, summary: str, value: str) -> Node:
    return {
        "name": name,
        "title": name,
        "summary": summary,
        "payload": reference("components", "schemas", f"{name}Text"),
        "examples": [{"name": f"{name}Example", "payload": value}],
    }


_STRING: Node = {"type": "string"}


def _other_schemas() -> Node:
    texts = {
        "Taken": "Empty when it was taken, else why not.",
        "Question": "Empty.",
        "Answer": "A process id in digits.",
    }
    return {
        "LetterBytes": {
            "title": "LetterBytes",
            "type": "string",
            "format": "binary",
            "description": "The message's bytes as they came.",
        },
        **{
            f"{name}Text": {"title": f"{name}Text", "type": "string", "description": text}
            for name, text in texts.items()
        },
    }


_PCM = base64.b64encode(bytes(8)).decode()


def _frame_message(frame: type[object], example: list[Any]) -> Node:
    name = frame.__name__
    return {
        "name": name,
        "title": name,
        "summary": _first_line(frame),
        "contentType": CONTENT_TYPE,
        "payload": reference("components", "schemas", name),
        "examples": [
            {
                "name": f"{name}Example",
                "summary": "Its sound stands here as base64; in the message it is a MessagePack `bin`.",
                "payload": example,
            }
        ],
    }


def _frame_schemas() -> Node:
    pcm = {
        "title": "pcm",
        "type": "string",
        "format": "binary",
        "description": "int16 little endian, mono; a MessagePack `bin`.",
    }
    position = _count("first_sample")
    inbound = [_text("track_id"), position, _count("received_ns"), pcm]
    outbound = [_text("reply_id"), _count("index"), position, _count("sample_rate_hz"), pcm]
    last = {"title": "last", "type": "boolean", "description": "The clause ends with this frame."}
    words = {"title": "word_end_samples", "type": "array", "items": _count("end")}
    rate = f"Always {audio.IN_SAMPLE_RATE_HZ} Hz, {audio.FRAME_MS} to {audio.ROOM_FRAME_MS} ms a frame."
    return {
        "InFrame": _array("InFrame", inbound, f"A MessagePack array of these fields in order. {rate}"),
        "OutFrame": _array("OutFrame", [*outbound, last, words], "A MessagePack array of these fields in order."),
    }


def _text(title: str) -> Node:
    return {"title": title, "type": "string"}


def _count(title: str) -> Node:
    return {"title": title, "type": "integer", "format": "int64", "minimum": 0, "maximum": INT64_MAX}


def _array(name: str, items: list[Node], description: str) -> Node:
    size = len(items)
    return {
        "title": name,
        "type": "array",
        "description": description,
        "items": items,
        "minItems": size,
        "maxItems": size,
    }


def _other_operations() -> Node:
    everything = [row.event.__name__ for row in EVENTS]
    ending = [*SILENCING, "ReplyCommitted"]
    operations = {
        f"{BRIDGE}-hears-StoredFact": _operation("receive", BRIDGE, "StoredFact", everything, _HEARD),
        "transcript-hears-StoredFact": _operation("receive", "transcript", "StoredFact", everything, _HEARD),
        "reasoning-hears-StoredFact": _operation("receive", "reasoning", "StoredFact", ending, _HEARD),
        "synthesis-hears-StoredFact": _operation("receive", "synthesis", "StoredFact", SILENCING, _HEARD),
        "synthesis-answers-SoundAgain": _answered("synthesis", "SoundAgain", "ReplyClauseWritten"),
        f"{BRIDGE}-sends-MicrophoneSound": _operation("send", BRIDGE, "MicrophoneSound", ["InFrame"], _PLAYED),
        "transcript-hears-MicrophoneSound": _operation("receive", "transcript", "MicrophoneSound", ["InFrame"], _HEARD),
        "synthesis-sends-AgentSound": _operation("send", "synthesis", "AgentSound", ["OutFrame"], _PLAYED),
        f"{BRIDGE}-plays-AgentSound": _operation("receive", BRIDGE, "AgentSound", ["OutFrame"], _HEARD),
    }
    for actor in ACTORS:
        operations[f"{actor}-buries-DeadLetter"] = _operation("send", actor, "DeadLetter", ["DeadLetter"], _BURIED)
        operations[f"{actor}-answers-PutBack"] = _answered(actor, "PutBack", "DeadLetter")
    for process in (*ACTORS, BRIDGE):
        operations[f"{process}-answers-Health"] = _answered(process, "Health", "Question")
    return operations


def _answered(who: str, channel: str, message: str) -> Node:
    return {
        **_operation("receive", who, channel, [message], _ASKED),
        # One of the copies of an actor answers; each process answers for itself how it is.
        **({} if channel == "Health" else {"bindings": {"nats": {"queue": who, "bindingVersion": "0.1.0"}}}),
        "reply": {"channel": reference("channels", f"{channel}Answer")},
    }


class _Plain(yaml.SafeDumper):
    """No anchors and aliases: they hide from readers and some tools what is meant."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def text() -> str:
    """Return the document as YAML."""
    head = "# Written by `make asyncapi` from contracts/; a test fails when it is out of date.\n"
    return head + yaml.dump(document(), Dumper=_Plain, sort_keys=False, width=110, allow_unicode=True)


if __name__ == "__main__":
    PATH.write_text(text())
    print(f"wrote {PATH.name}")
