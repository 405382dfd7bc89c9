"""The one seam between an actor's decisions and the world: `took` for what comes in, `result` and `parts` for engines.

There are three makers: `infra.tape.live` publishes chunks (`contracts.journal`), `infra.tape.recorded` serves what
was recorded (a request that was not made then, or was made otherwise, is a difference), `infra.tape.untaped` notes
nothing.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

T = TypeVar("T")

Plain = Any
"""What MessagePack can hold: None, bool, int, float, str, bytes, and lists and maps of these."""


SESSIONS = 10_000
"""How many sessions have a tape at a time; those that have not been used for longest go."""


@dataclass(frozen=True, slots=True)
class Packing(Generic[T]):
    """How a result is written to the tape and read back: `unpack(pack(value))` is as good as `value` to the code.

    `errors` are the exceptions that the code tells apart: a replay raises the same class with the same text. Any other
    is raised as `infra.tape.recorded.RecordedError`.
    """

    pack: Callable[[T], Plain]
    unpack: Callable[[Plain], T]
    errors: tuple[type[Exception], ...] = ()


AS_IT_IS: Packing[Any] = Packing(lambda value: value, lambda value: value)
"""For results that are plain already."""


class Tape(Protocol):
    """What one copy of an actor takes in of one session. Nothing here waits or fails because of the tape itself."""

    @property
    def basis(self) -> int:
        """The last sequence of the session that this copy has taken in: `Event.basis` of what it appends next."""

    def took(self, kind: str, payload: Plain = None, at_ns: int | None = None) -> None:
        """Note a delivery that is about to be handed to the code: a report of the client, a tick, a frame.

        Code that decides on the time reads its clock once for each delivery and passes it as `at_ns` (Unix epoch ns, in
        whole microseconds): a replay reads exactly that time. Left out, the tape reads its own clock.
        """

    def took_fact(self, kind: str, sequence: int, at_ns: int | None = None, of: tuple[Plain, ...] = ()) -> None:
        """Note that a fact is about to be handed to the code, by its place in the log; it moves `basis`.

        With `of` the payload is a list of all.
        """

    def working(self) -> AbstractContextManager[None]:
        """Note (not as a delivery) that a handler or anything else of the session is in progress within."""

    def turn_is_over(self) -> None:
        """Have what is noted written as soon as nothing is in progress, rather than within 2 s."""

    async def result(
        self, kind: str, key: str, request: Plain, ask: Callable[[], Awaitable[T]], packing: Packing[T] = AS_IT_IS
    ) -> T:
        """Return what `ask` returns, or raise what it raises, and note it when it is handed to the code.

        `kind` names the engine (`recall`, `embedding`), `key` what it is for (a reply's id): it must be the same in a
        replay. Of several requests with the same kind and key the first is the first again. `request` is everything
        the answer depends on; its digest is noted when the request is made. In a replay nothing is asked.
        """

    def parts(
        self, kind: str, key: str, request: Plain, ask: Callable[[], AsyncIterator[T]], packing: Packing[T] = AS_IT_IS
    ) -> AsyncGenerator[T, None]:
        """Yield the pieces of an answer that comes in pieces; each, the end and a failure are noted like a result."""


class Tapes(Protocol):
    """The tapes of one copy of an actor, one for each session."""

    @property
    def instance(self) -> str:
        """Which copy this is, as `reasoning-3f9c`: `Event.speaker` of what it appends."""

    def of(self, session_id: str) -> Tape:
        """Return the tape of a session."""
