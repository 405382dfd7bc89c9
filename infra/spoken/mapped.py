"""Text that is rewritten step by step and keeps track of which written characters each of its own stands for."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

Rewrite = Callable[["re.Match[str]"], "str | None"]
"""What to say for a match; None leaves it unchanged. `\\x00<n>\\x00` keeps a group of the match in its place."""

_KEPT = re.compile("\x00(\\d)\x00")


def kept(group: int) -> str:
    """Return the placeholder in a rewrite for a group of the match that stays unchanged, with its places."""
    return f"\x00{group}\x00"


@dataclass(slots=True)
class MappedText:
    """`text`, and for each of its characters the span of the written text that it stands for."""

    text: str
    spans: list[tuple[int, int]]

    @classmethod
    def of(cls, written: str) -> "MappedText":
        """Return a written text, unchanged."""
        return cls(written, [(n, n + 1) for n in range(len(written))])

    def rewrite(self, pattern: "re.Pattern[str]", say: Rewrite) -> None:
        """Replace each match by what `say` returns, which stands for the whole match."""
        texts: list[str] = []
        spans: list[tuple[int, int]] = []
        at = 0
        for match in pattern.finditer(self.text):
            said = say(match)
            if said is None or match.end() == match.start():
                continue
            texts.append(self.text[at : match.start()])
            spans += self.spans[at : match.start()]
            self._put(match, said, texts, spans)
            at = match.end()
        if at or texts:
            self.text, self.spans = "".join([*texts, self.text[at:]]), spans + self.spans[at:]

    def _put(self, match: "re.Match[str]", said: str, texts: list[str], spans: list[tuple[int, int]]) -> None:
        parts = _KEPT.split(said)
        groups = [int(part) for part in parts[1::2]]
        edges = [match.start(), *(place for group in groups for place in match.span(group)), match.end()]
        for number, part in enumerate(parts):
            start, end = edges[number], edges[number + 1]
            if number % 2:
                texts.append(self.text[start:end] if start >= 0 else "")
                spans += self.spans[start:end] if start >= 0 else []
            else:
                texts.append(part)
                # Words beside a group that stays stand for the text beside that group, if there is any.
                covered = self.spans[start:end] if 0 <= start < end else self.spans[match.start() : match.end()]
                spans += [(covered[0][0], covered[-1][1])] * len(part)

    def words(self) -> "tuple[str, tuple[tuple[int, int], ...]]":
        """Return the text with single spaces, and the written span of each of its words."""
        words, spans = [], []
        for word in re.finditer(r"\S+", self.text):
            of_word = self.spans[word.start() : word.end()]
            words.append(word.group())
            spans.append((min(start for start, _ in of_word), max(end for _, end in of_word)))
        return " ".join(words), tuple(spans)


@dataclass(frozen=True, slots=True)
class SpokenText:
    """What is said (`text`) for what was `written`; `spans` has the written span of each word of `text`."""

    written: str
    text: str
    spans: tuple[tuple[int, int], ...]

    def written_ends(self, ends: Sequence[float]) -> tuple[float, ...]:
        """Return where each written word (as `written.split()`) ends, given where each spoken one does.

        A written word ends with the last spoken word that says a part of it; one that is not said, as a list's dash,
        ends with the word before it.
        """
        result: list[float] = []
        for word in re.finditer(r"\S+", self.written):
            saying = [
                end
                for (start, stop), end in zip(self.spans, ends, strict=True)
                if start < word.end() and word.start() < stop
            ]
            result.append(max([*saying, *result[-1:]], default=0))
        return tuple(result)
