"""Groups of routes that share a prefix, tags, answers and dependencies."""

from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.params import Depends
from fastapi.routing import APIRoute


def operation_id(route: APIRoute) -> str:
    """Return the id of a route's operation, for generated clients: its function's name as `camelCase`."""
    first, *others = route.name.split("_")
    return first + "".join(word.capitalize() for word in others)


def route_group(
    tag: str,
    prefix: str = "",
    responses: dict[int | str, dict[str, Any]] | None = None,
    dependencies: Sequence[Depends] = (),
    include_in_schema: bool = True,
) -> APIRouter:
    """Return an empty group, for `add_routes`."""
    return APIRouter(
        prefix=prefix,
        tags=[tag],
        responses=responses,
        dependencies=dependencies,
        include_in_schema=include_in_schema,
        generate_unique_id_function=operation_id,
    )


def add_routes(api: FastAPI, *groups: APIRouter) -> None:
    """Add the routes of groups as they are.

    `include_router` would make each of them once more, at the first request, and look for the route of every request
    in two steps.
    """
    for group in groups:
        api.router.routes.extend(group.routes)
