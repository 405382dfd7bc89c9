"""Tapes that nothing is written to: for tests of single parts, and for what runs without a log."""

from collections import OrderedDict
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import AbstractContextManager, nullcontext
from typing import TypeVar

from infra.tape.tape import AS_IT_IS, SESSIONS, Packing, Plain, Tape

T = TypeVar("T")


class Untaped:
    """Both the tapes and each tape: engines are asked, facts move `basis`, and nothing is noted."""

    def __init__(self, instance: str = "") -> None:
        self.instance = instance
        self.basis = 0
        self._tapes: OrderedDict[str, Untaped] = OrderedDict()

    def of(self, session_id: str) -> Tape:
        """Return the session's own tape."""
        tape = self._tapes.get(session_id)
        if tape is None:
            tape = self._tapes[session_id] = Untaped(self.instance)
        self._tapes.move_to_end(session_id)
        if len(self._tapes) > SESSIONS:
            self._tapes.popitem(last=False)
        return tape

    def took(self, kind: str, payload: Plain = None, at_ns: int | None = None) -> None:
        """Note nothing."""

    def took_fact(self, kind: str, sequence: int, at_ns: int | None = None, of: tuple[Plain, ...] = ()) -> None:
        """Move `basis`."""
        self.basis = max(self.basis, sequence)

    def working(self) -> AbstractContextManager[None]:
        """Note nothing."""
        return nullcontext()

    def turn_is_over(self) -> None:
        """Do nothing: nothing is written."""

    async def result(
        self, kind: str, key: str, request: Plain, ask: Callable[[], Awaitable[T]], packing: Packing[T] = AS_IT_IS
    ) -> T:
        """Return what `ask` returns."""
        return await ask()

    async def parts(
        self, kind: str, key: str, request: Plain, ask: Callable[[], AsyncIterator[T]], packing: Packing[T] = AS_IT_IS
    ) -> AsyncGenerator[T, None]:
        """Yield what `ask` yields."""
        stream = ask()
        try:
            async for part in stream:
                yield part
        finally:
            if isinstance(stream, AsyncGenerator):
                await stream.aclose()
