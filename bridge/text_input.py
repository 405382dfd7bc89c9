"""What people write, type or are called: cleaned or checked the same way at each door. Pure."""

import re
from typing import Annotated

from pydantic import AfterValidator

from infra.agents.choosing import checked_variables

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


SURROGATE = re.compile(r"[\ud800-\udfff]")


class ProtocolError(ValueError):
    """What the client sent is no message of ours: `code` for programs, the text says what to do."""

    def __init__(self, code: str, message: str, message_id: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message_id = message_id
        """The id that the client gave its message, if it did."""


def clean_text(text: str) -> str:
    """Return text without control characters (newlines and tabs stay), lone surrogates replaced, ends trimmed."""
    return SURROGATE.sub("\ufffd", _CONTROL.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))).strip()


CleanText = Annotated[str, AfterValidator(clean_text)]


def checked_text(text: str, max_bytes: int, message_id: str = "") -> str:
    """Return a typed turn, cleaned. Raises ProtocolError if it is too long or there is nothing in it."""
    cleaned = clean_text(text)
    size = len(cleaned.encode())
    if size > max_bytes:
        raise ProtocolError("text-too-long", f"{size} bytes of text; at most {max_bytes} can be answered", message_id)
    if not cleaned:
        raise ProtocolError("text-empty", "there is nothing to answer in this text", message_id)
    return cleaned


MAX_USER_ID_LENGTH = 256


def checked_user_id(user_id: str) -> str:
    """Return a user id as it is: one that would have to be changed could become somebody else's. Raises ValueError."""
    if len(user_id) > MAX_USER_ID_LENGTH:
        raise ValueError(f"at most {MAX_USER_ID_LENGTH} characters are taken")
    if clean_text(user_id) != user_id or "\n" in user_id or "\t" in user_id:
        raise ValueError("it has control characters, or a space at an end: who it names could be mistaken")
    return user_id


Variables = Annotated[dict[str, str], AfterValidator(checked_variables)]
"""Values for the variables of an agent's instructions and greeting."""

UserId = Annotated[str, AfterValidator(checked_user_id)]
