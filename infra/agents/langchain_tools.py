"""Tools of LangChain and plain functions, as tools of an agent."""

import inspect
import typing
from collections.abc import Iterable, Mapping
from typing import Any

from langchain_core.tools import BaseTool, StructuredTool, ToolException
from pydantic import BaseModel, ValidationError, create_model
from pydantic.errors import PydanticInvalidForJsonSchema, PydanticUserError
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from infra.agents.call import Call
from infra.agents.errors import BadAgent, ToolFailed
from infra.agents.handoff import Handoff
from infra.agents.tool import Tool


def tool_from(given: object) -> Tool:
    """Return a LangChain tool or a function as a tool. Raises BadAgent if a model could not be told of it."""
    found = given if isinstance(given, BaseTool) else _langchain_tool(given)
    name, schema = found.name, found.args_schema
    if not found.description.strip():
        raise BadAgent(f"tool {name!r} has no description: write a docstring, models read it")
    if isinstance(schema, dict):
        return Tool(name, found.description, schema, _running(found, ""))
    if schema is None or not issubclass(schema, BaseModel):
        raise BadAgent(f"tool {name!r}: its arguments have no schema: annotate them, or give a pydantic model")
    call_field = _call_field(schema)
    parameters = _parameters(name, schema, call_field)
    return Tool(name, found.description, parameters, _running(found, call_field), hands_over=_hands_over(found))


def _langchain_tool(given: object) -> BaseTool:
    if not callable(given):
        raise BadAgent(f"{given!r} is no tool: give a function with a docstring, or a LangChain tool")
    name = getattr(given, "__name__", type(given).__name__)
    _check_annotations(name, given)
    how: dict[str, Any] = {"coroutine": given} if inspect.iscoroutinefunction(given) else {"func": given}
    try:
        return StructuredTool.from_function(**how, name=name)
    except (ValueError, TypeError, PydanticUserError) as error:
        raise BadAgent(f"tool {name!r}: {str(error).splitlines()[0]}") from error


def _check_annotations(name: str, function: Any) -> None:
    for argument in inspect.signature(function).parameters.values():
        if argument.kind in (argument.VAR_KEYWORD, argument.VAR_POSITIONAL):
            raise BadAgent(f"tool {name!r}: *{argument.name} has no schema: name each argument")
        if argument.annotation is argument.empty:
            raise BadAgent(f"tool {name!r}: the argument {argument.name!r} has no schema: annotate it with its type")


def _call_field(schema: type[BaseModel]) -> str:
    """Return the argument that is the call, which a model is not told of; empty if there is none."""
    return next((name for name, field in schema.model_fields.items() if _is_call(field.annotation)), "")


def _is_call(annotation: Any) -> bool:
    return annotation is Call or Call in typing.get_args(annotation)


def _parameters(tool: str, schema: type[BaseModel], call_field: str) -> Mapping[str, object]:
    fields: dict[str, Any] = {
        name: (field.annotation, field) for name, field in schema.model_fields.items() if name != call_field
    }
    seen = create_model(schema.__name__, __config__={"arbitrary_types_allowed": True}, **fields)
    for name, (annotation, _) in fields.items():
        if annotation is Any:
            raise BadAgent(f"tool {tool!r}: the argument {name!r} has no schema: annotate it with its type")
    try:
        written = seen.model_json_schema(schema_generator=_Strict)
    except (PydanticInvalidForJsonSchema, PydanticUserError) as error:
        raise BadAgent(f"tool {tool!r}: an argument has no schema: {str(error).splitlines()[0]}") from error
    return {name: value for name, value in written.items() if name not in ("title", "description")}


class _Strict(GenerateJsonSchema):
    """JSON schema as models read it: without a title for each field."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False

    def is_instance_schema(self, schema: core_schema.IsInstanceSchema) -> JsonSchemaValue:
        return self.handle_invalid_for_json_schema(schema, f"{schema['cls'].__name__} is no JSON")


def _hands_over(tool: BaseTool) -> bool:
    function = getattr(tool, "coroutine", None) or getattr(tool, "func", None)
    if function is None:
        return False
    try:
        returned = typing.get_type_hints(function).get("return")
    except NameError:  # a name that only type checkers know
        return False
    return returned is Handoff or Handoff in typing.get_args(returned)


def _running(tool: BaseTool, call_field: str) -> Any:
    async def run(arguments: Mapping[str, object], call: Call) -> object:
        given: dict[str, Any] = dict(arguments)
        if call_field:
            given[call_field] = call
        try:
            return await tool.ainvoke(given)  # one that is not asynchronous runs in a thread
        except ToolException as error:  # by LangChain's definition its text is for the model
            raise ToolFailed(str(error)) from error
        except ValidationError as error:
            raise ToolFailed(_told(error)) from error

    return run


def _told(error: ValidationError) -> str:
    told = (at_place(each["loc"], each["msg"]) for each in error.errors()[:5])
    return f"the arguments do not fit: {'; '.join(told)}"


def at_place(path: Iterable[object], message: str) -> str:
    """Return what is wrong at a place within the arguments; without a place it is wrong with all of them."""
    place = ".".join(map(str, path))
    return f"{place}: {message}" if place else message
