"""The table of forms: how a written form is said. Tests and `daredevil bench spoken` check the pipeline with it."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files

from infra.spoken.pipeline import spoken

TABLE = "forms.tsv"


@dataclass(frozen=True, slots=True)
class Form:
    """A written form of a kind (`money`, `dates`, …) and how it is to be said."""

    kind: str
    written: str
    said: str


@dataclass(frozen=True, slots=True)
class Wrong:
    """A form that is said differently than in the table."""

    form: Form
    said: str


@dataclass(frozen=True, slots=True)
class SpokenFigures:
    """How many forms of each kind are said right, `(right, all)`, and the cost of one (ms of CPU, no cache)."""

    kinds: dict[str, tuple[int, int]]
    wrong: tuple[Wrong, ...]
    p50_ms: float
    p99_ms: float
    most_ms: float

    @property
    def right(self) -> int:
        """How many of all forms are said right."""
        return sum(right for right, _ in self.kinds.values())

    @property
    def all(self) -> int:
        """How many forms there are."""
        return sum(count for _, count in self.kinds.values())


def forms_of(text: str) -> list[Form]:
    r"""Return the forms of a table: tab-separated kind, written, said; `\n` is a line break, `#` starts a comment.

    Raises ValueError with the line that is not a form.
    """
    forms = []
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip() or line.startswith("# "):
            continue
        columns = line.split("\t")
        if len(columns) != 3:
            raise ValueError(f"line {number} has {len(columns)} columns instead of 3: kind, written, said")
        kind, written, said = columns
        forms.append(Form(kind, written.replace("\\n", "\n"), said))
    return forms


def known_forms() -> list[Form]:
    """Return the forms of the table in the package."""
    return forms_of(files("infra.spoken").joinpath(TABLE).read_text(encoding="utf-8"))


def measure(forms: Sequence[Form]) -> SpokenFigures:
    """Say every form and compare; the first one is said once more before, as in a voice's warm-up."""
    spoken.__wrapped__("12")
    kinds: dict[str, tuple[int, int]] = {}
    wrong, times_ms = [], []
    for form in forms:
        begun = time.thread_time()
        said = spoken.__wrapped__(form.written).text
        times_ms.append((time.thread_time() - begun) * 1000)
        right, count = kinds.get(form.kind, (0, 0))
        kinds[form.kind] = (right + (said == form.said), count + 1)
        if said != form.said:
            wrong.append(Wrong(form, said))
    times_ms.sort()
    last = len(times_ms) - 1
    return SpokenFigures(
        kinds,
        tuple(wrong),
        *(round(times_ms[place], 3) if times_ms else 0.0 for place in (last // 2, last * 99 // 100, last)),
    )
