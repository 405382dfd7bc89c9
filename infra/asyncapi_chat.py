"""The chat's part of `asyncapi.yaml`: requests by text, their answers, and the tokens of replies."""

from typing import Any

from contracts.codec import CONTENT_TYPE
from contracts.topology import BRIDGE, REASONING

Node = dict[str, Any]

_TEXT: Node = {"type": "string"}
_TOKEN: Node = {
    "type": "string",
    "description": "A JWT that says whose turn it is: needed where DAREDEVIL_AUTH is set.",
}
_MS: Node = {"type": "number", "minimum": 0, "description": "ms since the turn was taken."}


def chat_channels(session: str) -> Node:
    """Return the channels; `session` describes the id in their addresses."""
    parameters = {"session": {"description": session}}
    return {
        "Chat": {
            "address": "do.{session}.reasoning.chat",
            "description": "Says something by text, in a session or (`new` in its place) in a new one. A door answers.",
            "parameters": parameters,
            "messages": {"ChatRequest": {"$ref": "#/components/messages/ChatRequest"}},
        },
        "ChatAnswer": {
            "address": None,
            "description": "Reply inbox of the request.",
            "messages": {
                "ChatAnswer": {"$ref": "#/components/messages/ChatAnswer"},
                "ChatProblem": {"$ref": "#/components/messages/ChatProblem"},
            },
        },
        "Token": {
            "address": "tokens.{session}",
            "description": "The tokens of replies as they are written, in sessions by text alone. Not stored.",
            "parameters": parameters,
            "messages": {"Token": {"$ref": "#/components/messages/Token"}},
        },
    }


def chat_messages() -> Node:
    """Return the messages; all are MessagePack maps."""
    return {
        "ChatRequest": _message(
            "ChatRequest", "A turn by text.", {"text": _TEXT, "user_id": _TEXT, "token": _TOKEN}, ["text"]
        ),
        "ChatAnswer": _message(
            "ChatAnswer",
            "The whole answer, once the log holds that it was read.",
            {
                "session_id": _TEXT,
                "turn_id": _TEXT,
                "reply_id": _TEXT,
                "text": _TEXT,
                "finish": {"enum": ["completed", "failed"]},
                "first_token_ms": {**_MS, "type": ["number", "null"]},
                "total_ms": _MS,
                "resume_token": {
                    "type": ["string", "null"],
                    "description": "Of a new session: its secret at other doors.",
                },
            },
        ),
        "ChatProblem": _message(
            "ChatProblem",
            "Why there is no answer.",
            {
                "error": {
                    "type": "object",
                    "required": ["code", "message"],
                    "properties": {"code": _TEXT, "message": _TEXT},
                }
            },
        ),
        "Token": _message(
            "Token",
            "A piece of a reply; `n` counts from 0, and again when another process writes on.",
            {"reply_id": _TEXT, "n": {"type": "integer", "minimum": 0}, "text": _TEXT},
        ),
    }


def chat_operations() -> Node:
    """Return who sends and takes them."""
    return {
        f"{BRIDGE}-answers-Chat": {
            **_operation("receive", BRIDGE, "Chat", "ChatRequest"),
            "reply": {"channel": {"$ref": "#/channels/ChatAnswer"}},
        },
        f"{REASONING}-sends-Token": _operation("send", REASONING, "Token", "Token"),
        f"{BRIDGE}-hears-Token": _operation("receive", BRIDGE, "Token", "Token"),
    }


def _message(name: str, summary: str, properties: Node, required: list[str] | None = None) -> Node:
    return {
        "name": name,
        "title": name,
        "summary": summary,
        "contentType": CONTENT_TYPE,
        "payload": {"type": "object", "required": required or list(properties), "properties": properties},
    }


def _operation(action: str, who: str, channel: str, message: str) -> Node:
    return {
        "action": action,
        "channel": {"$ref": f"#/channels/{channel}"},
        "tags": [{"name": who}],
        "messages": [{"$ref": f"#/channels/{channel}/messages/{message}"}],
    }
