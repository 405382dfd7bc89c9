"""Which function handles which event: declared by decorators and checked against a row of `contracts.topology`.

What does not match is collected and raised when the handlers are opened, not where they are declared: at import a
command line such as FastStream's would show it at the end of a long traceback.
"""

import os
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from typing import Any, Generic, Self, TypeVar, overload

from contracts.events import Event
from infra.cannot_run import CannotRun

A = TypeVar("A", bound=Event)
B = TypeVar("B", bound=Event)
C = TypeVar("C", bound=Event)
ResultT = TypeVar("ResultT")

_Decorator = Callable[[Callable[[A], Awaitable[ResultT]]], Callable[[A], Awaitable[ResultT]]]


TOPOLOGY = "contracts/topology"


class HandlersMismatch(CannotRun):
    """The handlers that an actor declares are not those of its row in `contracts.topology`, or of its own durable."""


class NoHandler(LookupError):
    """No handler is declared for an event: a newer version of the actor's durable or subscription is in use."""


class Subscriber(ABC):
    """Receives messages between `open` and `close`; `async with` does both."""

    @abstractmethod
    async def open(self) -> None:
        """Start to receive messages."""

    @abstractmethod
    async def close(self) -> None:
        """Stop receiving messages."""

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


class EventHandlers(Generic[ResultT]):
    """The handlers of one listener, one for each event class that its row names.

    `listener` names the row in messages, for instance "durable synthesis"; `events` are the row's classes, none for a
    row that receives everything. `row` says where the row is. `ResultT` is what handlers may return.
    """

    def __init__(self, listener: str, events: tuple[type[Event], ...], row: str = TOPOLOGY) -> None:
        self._listener = listener
        self._row = row
        self.events = events
        """The row's event classes; empty if it receives everything."""
        self._handlers: dict[type[Event], Callable[[Any], Awaitable[ResultT]]] = {}
        self._on_everything: Callable[[Event], Awaitable[None]] | None = None
        self._problems: list[str] = []

    @overload
    def on(self, a: type[A], /) -> _Decorator[A, ResultT]: ...
    @overload
    def on(self, a: type[A], b: type[B], /) -> _Decorator[A | B, ResultT]: ...
    @overload
    def on(self, a: type[A], b: type[B], c: type[C], /) -> _Decorator[A | B | C, ResultT]: ...
    @overload
    def on(self, /, *classes: type[Event]) -> _Decorator[Event, ResultT]: ...
    def on(self, /, *classes: type[Event]) -> _Decorator[Any, ResultT]:
        """Declare the decorated function as the handler of these event classes.

        Its parameter is typed as their union; with more than three classes, as `Event`. `check` refuses a class that
        the row does not name, and one that has two handlers.
        """

        def declare(handler: Callable[[Any], Awaitable[ResultT]]) -> Callable[[Any], Awaitable[ResultT]]:
            for event_class in classes:
                self._declare(event_class, handler)
            return handler

        return declare

    def on_everything(self, handler: Callable[[Event], Awaitable[None]]) -> Callable[[Event], Awaitable[None]]:
        """Declare the decorated function as the one that gets every event, after the handler of the event's class.

        Only a row that receives everything has one; `check` refuses it elsewhere, and a second one.
        """
        if self.events:
            self._problems.append(
                f"{_name(handler)} is declared for everything, but the {self._listener} receives only "
                f"{_names(self.events)} ({self._row}): declare it with `on` for some of these"
            )
        elif self._on_everything is not None:
            self._problems.append(
                f"the {self._listener} has two handlers for everything, {_name(self._on_everything)} and "
                f"{_name(handler)}: keep one"
            )
        self._on_everything = handler
        return handler

    def check(self) -> None:
        """Raise HandlersMismatch if the handlers are not those of the row, each event's one."""
        problems = [*self._problems]
        if not self.events and self._on_everything is None:
            problems.append(
                f"the {self._listener} receives every event ({self._row}), but nothing is declared with "
                "`on_everything`: declare a handler, or name the events in the row"
            )
        missing = [event_class for event_class in self.events if event_class not in self._handlers]
        if missing:
            problems.append(
                f"the {self._listener} receives {_names(missing)} ({self._row}), but no handler is declared for "
                "that: declare one with `on`, or remove it from the row"
            )
        if problems:
            raise HandlersMismatch("\n".join(problems))

    async def handle(self, event: Event) -> ResultT | None:
        """Call the handler of an event and return what it returns. Raises NoHandler, and what the handler raises."""
        handler = self._handlers.get(type(event))
        if handler is None and self._on_everything is None:
            raise NoHandler(f"the {self._listener} has no handler for {type(event).__name__}")
        result = await handler(event) if handler is not None else None
        if self._on_everything is not None:
            await self._on_everything(event)
        return result

    def _declare(self, event_class: type[Event], handler: Callable[[Any], Awaitable[ResultT]]) -> None:
        if self.events and event_class not in self.events:
            self._problems.append(
                f"{_name(handler)} is declared for {event_class.__name__}, but the {self._listener} receives only "
                f"{_names(self.events)} ({self._row}): add the event there, or remove the handler"
            )
        elif (other := self._handlers.get(event_class)) is not None:
            self._problems.append(
                f"the {self._listener} has two handlers for {event_class.__name__}, {_name(other)} and "
                f"{_name(handler)}: keep one"
            )
        self._handlers[event_class] = handler


def _names(classes: "tuple[type[Event], ...] | list[type[Event]]") -> str:
    return ", ".join(event_class.__name__ for event_class in classes)


def _name(handler: object) -> str:
    """Return a handler's name and where it is."""
    code = getattr(handler, "__code__", None)
    if code is None:
        return repr(handler)
    return f"{getattr(handler, '__name__', repr(handler))} ({os.path.relpath(code.co_filename)}:{code.co_firstlineno})"
