"""The chat's part of `asyncapi.yaml`: requests by text, their answers, and the tokens of replies."""

from typing import Any, get_args

from contracts.codec import CONTENT_TYPE
from contracts.events import ReplyCompleted
from contracts.topology import BRIDGE, REASONING

Node = dict[str, Any]


def _text(description: str) -> Node:
    return {"type": "string", "description": description}


def _ms(description: str) -> Node:
    return {"type": "number", "format": "double", "minimum": 0, "description": description}


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
    session, reply = "20261122-183015-9f2c1ab4", "9d2f6c1e0b7a4835d6c2f1e0"
    answer = {"session_id": session, "turn_id": "5c0e9a7d1f3b48626a7c9d0e", "reply_id": reply, "text": "It is nine."}
    times = {"finish": "completed", "first_token_ms": 92.0, "total_ms": 410.0}
    refused = {"error": {"code": "session-closed", "message": "the session has ended"}}
    return {
        "ChatRequest": _message("ChatRequest", "A turn by text.", {"text": "What time is it?", "user_id": "sam"}),
        "ChatAnswer": _message("ChatAnswer", "The whole answer, once the log holds that it was read.", answer | times),
        "ChatProblem": _message("ChatProblem", "Why there is no answer.", refused),
        "Token": _message(
            "Token",
            "A piece of a reply; `n` counts from 0, and again when another process writes on.",
            {"reply_id": reply, "n": 0, "text": "It "},
        ),
    }


def chat_schemas() -> Node:
    """Return the schemas of the messages."""
    code = {"code": _text("What went wrong, for programs."), "message": _text("What went wrong, for people.")}
    return {
        "ChatRequest": _object(
            "ChatRequest",
            "A turn by text.",
            {
                "text": _text("What is said."),
                "user_id": _text("Who says it; with DAREDEVIL_AUTH the token says it."),
                "token": _text("A token (JWT) of who says it: needed with DAREDEVIL_AUTH."),
            },
            ["text"],
        ),
        "ChatAnswer": _object(
            "ChatAnswer",
            "The whole answer.",
            {
                "session_id": _text("The session that it was said in."),
                "turn_id": _text("The turn."),
                "reply_id": _text("The reply."),
                "text": _text("The answer as it was written."),
                "finish": {"$ref": "#/components/schemas/ChatAnswerFinish"},
                "first_token_ms": _ms("From the turn to the first token; absent if none came."),
                "total_ms": _ms("From the turn to the end of the answer."),
                "resume_token": _text("Of a new session: its secret at other doors."),
            },
            ["session_id", "turn_id", "reply_id", "text", "finish", "total_ms"],
        ),
        "ChatAnswerFinish": {
            "title": "ChatAnswerFinish",
            "type": "string",
            "enum": list(get_args(ReplyCompleted.model_fields["finish"].annotation)),
            "description": "How the answer ended.",
        },
        "ChatProblem": _object(
            "ChatProblem", "Why there is no answer.", {"error": {"$ref": "#/components/schemas/ChatProblemError"}}
        ),
        "ChatProblemError": _object("ChatProblemError", "What went wrong.", code),
        "Token": _object(
            "Token",
            "A piece of a reply.",
            {
                "reply_id": _text("The reply."),
                "n": {"type": "integer", "format": "int32", "minimum": 0, "description": "Its place, from 0."},
                "text": _text("The piece; all of them together are the answer."),
            },
        ),
    }


def chat_operations() -> Node:
    """Return who sends and takes them."""
    return {
        f"{BRIDGE}-answers-Chat": {
            **_operation("receive", BRIDGE, "Chat", "ChatRequest", "One door of all answers, to the reply inbox."),
            "reply": {"channel": {"$ref": "#/channels/ChatAnswer"}},
        },
        f"{REASONING}-sends-Token": _operation("send", REASONING, "Token", "Token", "As the model writes."),
        f"{BRIDGE}-hears-Token": _operation("receive", BRIDGE, "Token", "Token", "A preview: clauses count."),
    }


def _message(name: str, summary: str, payload: Node) -> Node:
    return {
        "name": name,
        "title": name,
        "summary": summary,
        "contentType": CONTENT_TYPE,
        "payload": {"$ref": f"#/components/schemas/{name}"},
        "examples": [{"name": f"{name}Example", "payload": payload}],
    }


def _object(name: str, description: str, properties: Node, required: list[str] | None = None) -> Node:
    return {
        "title": name,
        "type": "object",
        "description": description,
        "required": required or list(properties),
        "properties": properties,
    }


def _operation(action: str, who: str, channel: str, message: str, description: str) -> Node:
    return {
        "action": action,
        "channel": {"$ref": f"#/channels/{channel}"},
        "description": description,
        "tags": [{"name": who}],
        "messages": [{"$ref": f"#/channels/{channel}/messages/{message}"}],
    }
