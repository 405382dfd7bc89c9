"""Removes from a model's text, as it streams, what must not be said: thoughts, tool syntax, chat templates.

Models write such blocks into their answers when a server does not parse them: `<think>` (DeepSeek, Qwen), `[THINK]`
and `[TOOL_CALLS]` (Mistral), `<tool_call>` (Hermes, Qwen), `<function=…>` and `<|python_tag|>` (Llama), channels
(OpenAI's harmony), and the special tokens and role names of their chat templates.
"""

from dataclasses import dataclass

from actors.reasoning.unspoken_calls import fenced_call_at, python_call_at, tool_json_at
from actors.reasoning.unspoken_found import NO, WAIT, Block, Drop, Found, MadeUpTurn, Nothing
from actors.reasoning.unspoken_marks import bare_role_at, closed_by, is_broken_mark, mark_at, role_at
from actors.reasoning.unspoken_steps import bare_channel_at, react_at

_CALLS_AT_LINE_START = (tool_json_at, python_call_at)
_MARKS = "<[\u25c1"
"""Characters that a mark can begin with; `\u25c1think\u25b7` is Kimi's."""


@dataclass(slots=True)
class _Code:
    """Inside code: what looks like a mark there is only mentioned."""

    ticks: int

    @property
    def is_fence(self) -> bool:
        return self.ticks >= 3


class UnspokenFilter:
    """Passes on what is to be said. The same text always gives the same output, whatever pieces it comes in.

    Only text that may become a mark is held back. `ended_unbegun_thought`: a thought ended without a
    beginning, because its model begins answers within one. With `in_thought` the text counts as a thought until
    it ends; if it never ends, it was none.
    """

    def __init__(self, in_thought: bool = False) -> None:
        self.ended_unbegun_thought = False
        self._text = ""
        self._last = ""
        """The character before `_text` in the original."""
        self._is_line_start = True
        self._has_said = False
        self._has_thought = False
        self._ends_with_space = True
        self._skips_space = False
        self._code: _Code | None = None
        self._block: Block | None = Block("thought", is_assumed=True) if in_thought else None
        self._is_over = False
        self._is_after_token = False
        """Whether a special token stands before `_text`, or white space behind one."""
        self._doubtful = ""
        """What was removed so far of a doubtful block."""
        self._in_steps = False
        """Whether the answer is written in steps of thought and action (ReAct)."""

    def feed(self, text: str) -> str:
        """Add text; return what is certainly to be said."""
        self._text += text
        return self._run(is_last=False)

    def finish(self) -> str:
        """Return what is left when the text has ended, without an open block or half a mark."""
        said = self._run(is_last=True)
        if self._block is not None and (self._block.is_assumed or self._is_talk()):
            self._text = self._doubtful + self._text
            self._block = None
            said += self._run(is_last=True)
        self._text = ""
        return said

    def _is_talk(self) -> bool:
        """Return whether a block that never ended was none, so that its text is for the caller."""
        assert self._block is not None
        if not self._block.is_doubtful:
            return False
        return self._block.kind == "thought" or not any(mark in self._doubtful + self._text for mark in "{[=<")

    def _run(self, is_last: bool) -> str:
        said: list[str] = []
        while self._text and not self._is_over:
            before = (len(self._text), self._block)
            said.append(self._in_block(is_last) if self._block is not None else self._in_text(is_last))
            if (len(self._text), self._block) == before:
                break  # what is left may become a mark
        return "".join(said)

    # -- blocks

    def _in_block(self, is_last: bool) -> str:
        assert self._block is not None
        end = closed_by(self._block, self._text, is_last)
        if self._block.is_assumed and end.found is None:
            return ""  # nothing is dropped: it may be no thought after all
        if self._block.is_doubtful:
            self._doubtful += self._text[: end.consumed]
        self._text = self._text[end.consumed :]
        if end.found is not None:
            goes_on = self._block.is_doubtful and isinstance(end.found, Block)
            self._doubtful = self._doubtful if goes_on else ""
            self._block = None
            self._follow(end.found)
        return ""

    def _follow(self, found: Found) -> None:
        """Continue after a mark."""
        self._is_over = isinstance(found, MadeUpTurn)
        self._block = found if isinstance(found, Block) else None
        if isinstance(found, Block):
            self._has_thought |= found.kind == "thought"
        elif isinstance(found, Drop):
            self.ended_unbegun_thought |= found.ends_thought and not self._has_thought
            self._is_line_start = found.begins_line or self._is_line_start
            self._is_after_token = found.begins_line
        self._skips_space = self._ends_with_space or not self._has_said
        self._last = ""

    # -- text

    def _in_text(self, is_last: bool) -> str:
        """Process one step: a run of plain characters, or one mark."""
        if self._is_line_start and self._code is None:
            taken = self._at_line_start(is_last)
            if taken is not None:
                return taken
        first = self._text[0]
        if first == "`":
            return self._ticks(is_last)
        if first in _MARKS and self._code is None:
            found = mark_at(self._text, self._last, is_last)
            if found.found is WAIT:
                if is_last and is_broken_mark(self._text):
                    self._text = ""
                    return ""
                return self._say(1) if is_last else ""
            if not isinstance(found.found, Nothing):
                self._text = self._text[found.consumed :]
                self._follow(found.found)
                return ""
        return self._say(1 if first in _MARKS else self._plain())

    def _plain(self) -> int:
        """Return how many characters from here on cannot begin anything; at least one."""
        for place, character in enumerate(self._text):
            if place and (character == "`" or character in _MARKS):
                return place
            if character == "\n":
                return place + 1
        return len(self._text)

    def _at_line_start(self, is_last: bool) -> str | None:
        """Handle what may stand at the beginning of a line; return None if it is plain text."""
        spaces = len(self._text) - len(self._text.lstrip())
        if spaces:
            return self._say(spaces)
        found = role_at(self._text, is_last)
        if found.found is NO and self._is_after_token:
            found = bare_role_at(self._text, is_last, self._has_said)
        for call_at in _CALLS_AT_LINE_START if found.found is NO else ():
            found = call_at(self._text, is_last)
            if found.found is not NO:
                break
        if found.found is NO and (not self._has_said or self._in_steps):
            found = react_at(self._text, is_last, self._in_steps)
            self._in_steps |= not isinstance(found.found, Nothing)
        if found.found is NO and not self._has_said:
            found = bare_channel_at(self._text, is_last)
        if found.found is NO:
            found = fenced_call_at(self._text, is_last, not self._has_said)
        if found.found is WAIT:
            return ""
        if isinstance(found.found, Nothing):
            return None
        self._text = self._text[found.consumed :]
        self._follow(found.found)
        return ""

    def _ticks(self, is_last: bool) -> str:
        """Handle a run of backticks: the beginning or the end of code."""
        run = len(self._text) - len(self._text.lstrip("`"))
        if run == len(self._text) and not is_last:
            return ""  # its length and what follows are unknown yet
        if self._code is not None:
            is_end = run >= self._code.ticks if self._code.is_fence else run == self._code.ticks
            self._code = None if is_end else self._code
        elif run >= 3 or not (self._last.isalnum() or self._text[run : run + 1].isspace()):
            self._code = _Code(run)
        return self._say(run)

    def _say(self, count: int) -> str:
        """Pass the next characters on, without white space where a block was removed."""
        text, self._text = self._text[:count], self._text[count:]
        self._last = text[-1]
        if "\n" in text:
            self._is_line_start = text.rsplit("\n", 1)[1].strip() == ""
            if self._code is not None and not self._code.is_fence:
                self._code = None
        elif not text.isspace():
            self._is_line_start = self._is_after_token = False
        if self._skips_space:
            text = text.lstrip() if not self._has_said else text.lstrip(" \t")
            self._skips_space = not text
        if text:
            self._has_said = self._has_said or not text.isspace()
            self._ends_with_space = text[-1].isspace()
        return text
