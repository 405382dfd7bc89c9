"""The chat's part of `asyncapi.yaml`: requests by text, their answers, and the tokens of replies."""

from typing import get_args

from contracts.asyncapi.parts import EXAMPLE_ID, EXAMPLE_SESSION, Node, message, number, obj, reference, text
from contracts.events import ReplyCompleted


def chat_messages() -> Node:
    """Return the messages; all are MessagePack maps."""
    reply = "9d2f6c1e0b7a4835d6c2f1e0"
    answer = {"session_id": EXAMPLE_SESSION, "turn_id": EXAMPLE_ID, "reply_id": reply, "text": "It is nine."}
    times = {"finish": "completed", "first_token_ms": 92.0, "total_ms": 410.0}
    refused = {"error": {"code": "session-closed", "message": "the session has ended"}}
    return {
        **message("ChatRequest", "A turn by text.", {"text": "What time is it?", "user_id": "sam"}),
        **message("ChatAnswer", "The whole answer, once the log holds that it was read.", answer | times),
        **message("ChatProblem", "Why there is no answer.", refused),
        **message(
            "Token",
            "A piece of a reply; `n` counts from 0, and from 0 again when another process continues the reply.",
            {"reply_id": reply, "n": 0, "text": "It "},
        ),
    }


def chat_schemas() -> Node:
    """Return the schemas of the messages."""
    code = {"code": text("What went wrong, for programs."), "message": text("What went wrong, for people.")}
    return {
        **obj(
            "ChatRequest",
            "A turn by text.",
            {
                "text": text("What is said."),
                "user_id": text("The user; with DAREDEVIL_AUTH it comes from the token."),
                "time_zone": text("Where the person is, as `Europe/Zurich`."),
                "agent": text("The agent of a new conversation; by default the first."),
                "variables": {
                    "type": "object",
                    "description": "Values for the variables of its instructions.",
                    "additionalProperties": {"type": "string"},
                },
                "token": text("The user's token (JWT): required with DAREDEVIL_AUTH."),
            },
            ["text"],
        ),
        **obj(
            "ChatAnswer",
            "The whole answer.",
            {
                "session_id": text("The session that it was said in."),
                "turn_id": text("The turn."),
                "reply_id": text("The reply."),
                "text": text("The answer as it was written."),
                "finish": reference("components", "schemas", "ChatAnswerFinish"),
                "first_token_ms": number("From the turn to the first token; absent if none came."),
                "total_ms": number("From the turn to the end of the answer."),
                "resume_token": text("For a new session: its secret for other doors."),
            },
            ["session_id", "turn_id", "reply_id", "text", "finish", "total_ms"],
        ),
        "ChatAnswerFinish": {
            "title": "ChatAnswerFinish",
            "type": "string",
            "enum": list(get_args(ReplyCompleted.model_fields["finish"].annotation)),
            "description": "How the answer ended.",
        },
        **obj(
            "ChatProblem", "Why there is no answer.", {"error": reference("components", "schemas", "ChatProblemError")}
        ),
        **obj("ChatProblemError", "What went wrong.", code),
        **obj(
            "Token",
            "A piece of a reply.",
            {
                "reply_id": text("The reply."),
                "n": {"type": "integer", "format": "int32", "minimum": 0, "description": "Its place, from 0."},
                "text": text("The piece; all pieces joined are the answer."),
            },
        ),
    }
