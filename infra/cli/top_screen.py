"""`daredevil top` in a terminal: what does not fit is scrolled to, `q` ends it."""

import asyncio
import signal
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager

from prompt_toolkit.input import create_input
from prompt_toolkit.key_binding import KeyPress
from prompt_toolkit.keys import Keys
from rich.console import Console, RenderableType
from rich.live import Live
from rich.segment import Segment, SegmentLines
from rich.style import Style

from infra.cli.top_table import table_of
from infra.metrics.figures import Figures
from infra.process.tasks import ended

ESCAPE_S = 0.1
"""How long after an escape the rest of a key's sequence may come."""


class Screen:
    """The figures as far as they fit, and a line below that says what the keys do and how much more there is."""

    def __init__(self, console: Console) -> None:
        self.over = asyncio.Event()
        self._console = console
        self._lines: list[list[Segment]] = []
        self._first = 0
        self._was_wide = 0
        self._figures: Figures | None = None

    def take(self, figures: Figures) -> None:
        """Take new figures."""
        self._figures = figures
        self._lay_out()

    def press(self, key: Keys | str) -> None:
        """Do what a key asks for."""
        steps = {
            Keys.Down: 1,
            "j": 1,
            Keys.Up: -1,
            "k": -1,
            Keys.PageDown: self._room,
            " ": self._room,
            Keys.PageUp: -self._room,
            Keys.End: len(self._lines),
            Keys.Home: -len(self._lines),
        }
        if key in ("q", "Q", Keys.Escape):
            self.over.set()
        self._first += steps.get(key, 0)

    @property
    def renderable(self) -> RenderableType:
        """What is shown now."""
        if self._console.width != self._was_wide:
            self._lay_out()
        self._first = max(0, min(self._first, len(self._lines) - self._room))
        shown = self._lines[self._first : self._first + self._room]
        gap: list[list[Segment]] = [[]] * (self._room - len(shown))
        return SegmentLines([*shown, *gap, [Segment(self._below(), Style(dim=True))]], new_lines=True)

    def _lay_out(self) -> None:
        self._was_wide = self._console.width
        if self._figures is not None:
            table = table_of(self._figures, self._was_wide)
            self._lines = self._console.render_lines(table, self._console.options.update(height=None), pad=False)

    @property
    def _room(self) -> int:
        return max(1, self._console.height - 1)

    def _below(self) -> str:
        left = len(self._lines) - self._first - self._room
        more = [f"↑ {self._first}"] * (self._first > 0) + [f"↓ {left}"] * (left > 0)
        return f"q ends · arrow keys: {', '.join(more)} more lines" if more else "q ends"


async def show_live(looks: AsyncIterator[Figures], console: Console) -> None:
    """Show the figures until `q` is pressed. Raises what looking raises."""
    screen = Screen(console)
    with Live(console=console, auto_refresh=False, screen=True) as live:

        async def follow() -> None:
            async for figures in looks:
                screen.take(figures)
                live.update(screen.renderable, refresh=True)

        def press(key: Keys | str) -> None:
            screen.press(key)
            live.update(screen.renderable, refresh=True)

        following, over = asyncio.create_task(follow()), asyncio.create_task(screen.over.wait())
        try:
            with keys_pressed(press):
                await asyncio.wait({following, over}, return_when=asyncio.FIRST_COMPLETED)
            if following.done():
                await following
        finally:
            await ended(following, over)


@contextmanager
def keys_pressed(press: Callable[[Keys | str], None]) -> Iterator[None]:
    """Hand over the keys that are pressed in the block; none where standard input is no terminal."""
    if not sys.stdin.isatty():
        yield
        return
    keyboard = create_input()
    loop = asyncio.get_running_loop()

    def hand_over(keys: list[KeyPress]) -> None:
        for key in keys:
            if key.key == Keys.ControlC:
                signal.raise_signal(signal.SIGINT)  # the terminal does not, in this mode
            press(key.key)

    def read() -> None:
        hand_over(keyboard.read_keys())
        loop.call_later(ESCAPE_S, lambda: hand_over(keyboard.flush_keys()))

    with keyboard.raw_mode(), keyboard.attach(read):
        yield
