"""Text within a page of Markdown: people's words literally, the model's as the Markdown that they are. Pure."""

import re
from collections.abc import Iterator, Sequence

from infra.export.lines import lines_of, one_line

_MARKDOWN = re.compile(r"([\\`*_\[\]<>|~#&$])")
_LIST = re.compile(r"^([-+]|\d+(?=[.)]))")
_BLOCK = re.compile(r" {0,3}(?:[-+*#>|=]|\d+[.)]|`{3}|~{3})| {4}")
"""The beginning of a line that is more than a paragraph."""

_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
_CODE = re.compile(r"(?<!`)(`+)(?!`)(.+?)(?<!`)\1(?!`)")
_HTML = re.compile(r"<(?=[A-Za-z/!?])")
_TARGET = re.compile(r"\](?=\(\s*<?(?!https?:|mailto:|tel:)[A-Za-z][A-Za-z0-9+.-]*:)")
"""The end of a link's text if its target may run something (`javascript:`)."""


def in_markdown(text: str) -> str:
    """Return the text in one line so that Markdown shows it literally."""
    return _LIST.sub(_escaped_list, _MARKDOWN.sub(r"\\\1", one_line(text)))


def _escaped_list(mark: re.Match[str]) -> str:
    return f"\\{mark[1]}" if mark[1] in "-+" else f"{mark[1]}\\"


def as_said(text: str) -> list[str]:
    """Return what somebody said or typed, shown literally, line by line."""
    lines = [in_markdown(line) for line in lines_of(text)]
    if len(lines) < 2:
        return lines
    return quoted(
        [f"{line}\\" if line and following else line for line, following in zip(lines, [*lines[1:], ""], strict=True)]
    )


def as_written(text: str) -> list[str]:
    """Return what the model wrote: one plain line, or a quotation that keeps its paragraphs, lists, tables and code.

    HTML in it is shown literally, and no link in it runs anything.
    """
    lines = list(_harmless(lines_of(text)))
    if len(lines) == 1 and not _BLOCK.match(lines[0]):
        return lines
    return quoted(lines)


def quoted(lines: Sequence[str]) -> list[str]:
    """Return lines as a quotation, which ends whatever they open."""
    return [f"> {line}" if line else ">" for line in lines]


def is_quoted(lines: Sequence[str]) -> bool:
    """Return whether lines are a quotation, which stands by itself."""
    return bool(lines) and lines[0].startswith(">")


def _harmless(lines: Sequence[str]) -> Iterator[str]:
    """Yield lines without HTML and dangerous links; code stays as it is."""
    fence = ""
    for line in lines:
        mark = _FENCE.match(line)
        if fence:
            yield line
            if mark is not None and mark[1].startswith(fence) and line.strip() == mark[1]:
                fence = ""
            continue
        fence = mark[1] if mark is not None else ""
        yield line if fence else _harmless_line(line)


def _harmless_line(line: str) -> str:
    shown, at = "", 0
    for code in _CODE.finditer(line):
        shown += _escaped(line[at : code.start()]) + code[0]
        at = code.end()
    return shown + _escaped(line[at:])


def _escaped(text: str) -> str:
    return _TARGET.sub(r"\\]", _HTML.sub(r"\\<", text))
