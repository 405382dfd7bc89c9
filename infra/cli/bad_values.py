"""What is wrong with an option's value, in words for people: Typer's are those of its library for data models."""

from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from pydantic import ValidationError


def in_plain_words(error: typer.BadParameter) -> None:
    """Reword an error of the command line's parser, if it comes from that library."""
    from pydantic import ValidationError

    if isinstance(error.__cause__, ValidationError):
        error.message = _problem(error.__cause__)


def _problem(error: "ValidationError") -> str:
    first = error.errors()[0]
    value, context = first["input"], first.get("ctx", {})
    match first["type"]:
        case "greater_than_equal":
            return f"{value} is too small: give {_number(context['ge'])} or more"
        case "less_than_equal":
            return f"{value} is too large: give {_number(context['le'])} or less"
        case "int_parsing" | "int_from_float" | "int_parsing_size":
            return f"{value!r} is not a whole number"
        case "float_parsing" | "finite_number":
            return f"{value!r} is not a number"
        case "value_error":
            return str(context["error"])
        case _:
            return first["msg"]


def _number(limit: float) -> str:
    return f"{limit:g}" if limit != int(limit) else str(int(limit))
