"""Removes what is only for the eye: Markdown, HTML, SSML, pictures, control characters."""

import html
import re
import unicodedata

from infra.spoken.mapped import MappedText, kept

_COMMENT = re.compile(r"<!--.*?(?:-->|$)|<(script|style)\b.*?(?:</\1>|$)", re.DOTALL | re.IGNORECASE)
_FENCE = re.compile(r"^[ \t]*(?:```+|~~~+)[ \t]*[\w+#.-]*[ \t]*$\n?", re.MULTILINE)
_RULE = re.compile(r"^[ \t]*(?:(?:[-*_=][ \t]*){3,})$\n?", re.MULTILINE)
_TABLE_RULE = re.compile(r"^[ \t]*\|?[ \t]*:?-{2,}:?[ \t]*(?:\|[ \t]*:?-*:?[ \t]*)*$\n?", re.MULTILINE)
_TABLE_ROW = re.compile(r"^[ \t]*\|(.+?)\|?[ \t]*$", re.MULTILINE)
_CELL_END = re.compile(r"(?<=\S)[ \t]*(?<!\\)\|[ \t]*(?=\S)")
_TAG_IN_CODE = re.compile(r"`+\s?</?([a-zA-Z][\w-]*)[^<>`\n]*>\s?`+")
_PICTURE = re.compile(r"<img\b[^<>]*?\balt=[\"']([^\"'<>]*)[\"'][^<>]*>", re.IGNORECASE)
_CODE = re.compile(r"``[ ]?([^\n]+?)[ ]?``|`([^`\n]+)`")
_IMAGE_OR_LINK = re.compile(r"!?\[([^\]\n]*)\]\((?:[^()\n]|\([^()\n]*\))*\)|\[([^\]\n]+)\]\[[^\]\n]*\]")
_REFERENCE = re.compile(r"^[ \t]{0,3}\[[^\]\n^]+\]:[ \t]+\S+(?:[ \t]+[\"'(][^\n]*[\"')])?[ \t]*$\n?", re.MULTILINE)
_FOOTNOTE = re.compile(r"\[\^[^\]\s]+\]:?")
_AUTOLINK = re.compile(r"<((?:https?://|mailto:|www\.)[^<>\s]+|[^<>\s@]+@[^<>\s@]+\.[^<>\s@]+)>")
_BREAK = re.compile(
    r"<(?:br|hr|p|/p|li|/li|tr|/tr|/h\d|/div|/summary|/details|/section|/blockquote|/dt|/dd|/pre|/caption|/title"
    r"|break)\b"
    r"[^<>]*/?>|(?<=[.!?])</s>",
    re.IGNORECASE,
)
_RAISED = re.compile(
    r"(?:(?<=[\d)])|(?<=(?<![A-Za-z])[A-Za-z])|(?<=(?<![A-Za-z])[a-z]{2}))<sup>\s*([-\u2212]?\d+|n)\s*</sup>",
    re.IGNORECASE,
)
_NOTE_MARK = re.compile(r"(?<=[a-z.,;!?])<sup>\s*\[?\d{1,3}\]?\s*</sup>", re.IGNORECASE)
_CELL = re.compile(r"</t[dh]>\s*(?=<t[dh]\b)", re.IGNORECASE)
_SUBSTITUTE = re.compile(r"<sub\s+alias=[\"']([^\"'<>]*)[\"'][^<>]*>.*?</sub>", re.IGNORECASE | re.DOTALL)
_SPELLED = re.compile(
    r"<say-as\s+interpret-as=[\"'](?:characters|spell-out|verbatim|digits|telephone)[\"'][^<>]*>(.*?)</say-as>",
    re.IGNORECASE | re.DOTALL,
)
_TAG = re.compile(r"</?[a-zA-Z][\w:-]*(?:\s+[\w:-]+\s*=[^<>]*)?\s*/?>|<\?[^<>]*\?>|<![A-Za-z][^<>]*>")
_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[a-zA-Z][a-zA-Z0-9]{1,31});")
_WRITTEN_TAG = re.compile(r"</?([a-zA-Z][\w-]*)\s?/?>")
"""A tag written with entities, which is meant to be read."""
_ESCAPED = re.compile(r"\\([\\`*_{}\[\]#+.!|>~-])")
# A voice would name the sign: `\*so\*`. A sign between spaces stays: `2 \* 3`.
_ESCAPED_MARK = re.compile(r"(?:(?<=\s)|^)\\[*_`~]+(?=\w)|(?<=[\w.,!?])\\[*_`~]+(?=[\s.,;:!?)]|$)")
_HEADING = re.compile(r"^[ \t]{0,3}#{1,6}[ \t]+(.*?)[ \t]*#*[ \t]*$", re.MULTILINE)
_QUOTE = re.compile(r"^[ \t]*(?:>[ \t]?)+(?=[^\d\s=>$\u20ac\u00a3.-])", re.MULTILINE)
_BULLET = re.compile(r"^[ \t]*(?:[*+\u2022\u2023\u25aa\u25e6\u2043]|-)[ \t]+(?!\d+\s*[=+*/-])", re.MULTILINE)
_DEFINITION = re.compile(r"^[ \t]*:[ \t]+(?=\S)", re.MULTILINE)
_TASK = re.compile(r"^[ \t]*\[[ xX]\][ \t]+", re.MULTILINE)
_LIST_NUMBER = re.compile(r"^([ \t]*\d{1,3})[.)](?=[ \t]+\S)", re.MULTILINE)
_EMPHASIS = tuple(
    re.compile(pattern)
    for pattern in (
        r"(?<![*\\])\*{3}(?=[^\s*])([^\n]+?)(?<=[^\s\\])\*{3}(?!\*)",
        r"(?<![*\\\d])\*{2}(?=[^\s*])([^\n]+?)(?<=[^\s*\\])\*{2}(?!\*)"
        r"|\*{2}(?=[^\s*\d])([^\n]+?)(?<=[^\s*\d\\])\*{2}(?!\*)",
        r"(?<![\w*\\)])\*(?=[^\s*])([^*\n]+?)(?<=[^\s*\\])\*(?![\w*(])",
        r"(?<![\w\\])__(?=\S)([^\n]+?)(?<=\S)__(?!\w)",
        r"(?<![\w\\])_(?=[^\s_])([^\n]+?)(?<=[^\s_])_(?!\w)",
        r"~~(?=\S)([^\n]+?)(?<=\S)~~",
        r"==(?=[^\s=])([^=\n]+?)(?<=[^\s=])==(?!=)",
    )
)
# A clause may contain only one end of an emphasis: a mark that opens or closes a word is still markup.
_LONE = re.compile(
    r"(?:(?<=\s)|^|(?<=[(\"'\u201c]))(?:\*{1,3}|__|~~)(?=\w)|(?<=[a-z.,!?])\*(?=\s|$)|(?<=[\w.,!?;:)%])(?:\*{2,3}"
    r"|__|~~)(?=\s|$|[.,;:!?)])|`+"
)
_PICTURES = re.compile(
    "[\u200b-\u200f\u2060\u20e3\u2300-\u2328\u232b-\u23ff\u2460-\u2473\u24ea-\u2501\u25a0-\u26ff\u2700-\u27bf\u2b00-\u2bff"
    "\ufe00-\ufe0f\ufeff\U0001f000-\U0001faff\U000e0000-\U000e007f]+"
)
_EMOTICON = re.compile(
    r"(?:(?<=\s)|^)(?:[:;=]-?[)(DPpOo/|\\]|<3|:'\(|[xX]D|\^_\^|\u00af\\_\(.*?\)_/\u00af)(?=\s|$|[.!?])"
)
_FACE = re.compile(r"(?:(?<=\s)|^)[(\u00af\u0ca0]\S*[\u256f\u30c4\u0ca0]\S*")
_LINE_END = re.compile(r"(?<=[\w%)\"'\u2019\u201d\u00b0])[ \t]*\n+(?=\s*\S)")
_SPACE_BEFORE_MARK = re.compile(r"[ \t]+(?=[.,;:!?](?:\s|$))")
_LONE_MARKS = re.compile(r"(?:(?<=\s)|^)(?:[|#>*_=~\\^`]+|-{2,})(?=\s|$)")


def strip(text: MappedText) -> None:
    """Remove the markup; what it marks stays."""
    if _needs_no_work(text.text):
        return
    text.rewrite(_COMMENT, _nothing)
    for pattern in (_FENCE, _TABLE_RULE, _RULE, _REFERENCE):
        text.rewrite(pattern, _nothing)
    text.rewrite(_SUBSTITUTE, lambda match: match[1])
    text.rewrite(_SPELLED, lambda match: " ".join(match[1]))
    text.rewrite(_TAG_IN_CODE, lambda match: kept(1))
    text.rewrite(_CODE, lambda match: kept(1) + kept(2))
    text.rewrite(_AUTOLINK, lambda match: kept(1))
    text.rewrite(_IMAGE_OR_LINK, lambda match: kept(1) + kept(2))
    text.rewrite(_FOOTNOTE, _nothing)
    text.rewrite(_CELL, lambda match: ", ")
    text.rewrite(_RAISED, lambda match: f"^{kept(1)}")
    text.rewrite(_NOTE_MARK, _nothing)
    text.rewrite(_BREAK, lambda match: "\n")
    text.rewrite(_PICTURE, lambda match: kept(1))
    text.rewrite(_TAG, _nothing)
    text.rewrite(_ENTITY, _entity)
    text.rewrite(_WRITTEN_TAG, lambda match: kept(1))
    text.rewrite(_HEADING, lambda match: kept(1))
    text.rewrite(_QUOTE, _nothing)
    text.rewrite(_BULLET, _nothing)
    text.rewrite(_TASK, _nothing)
    text.rewrite(_DEFINITION, _nothing)
    text.rewrite(_LIST_NUMBER, lambda match: kept(1) + ",")
    _rows(text)
    for pattern in _EMPHASIS:
        text.rewrite(pattern, lambda match: kept(1) + (kept(2) if match.re.groups > 1 else ""))
    text.rewrite(_LONE, _nothing)
    text.rewrite(_FACE, _nothing)
    text.rewrite(_ESCAPED_MARK, _nothing)
    text.rewrite(_ESCAPED, lambda match: kept(1))
    text.rewrite(_EMOTICON, _nothing)
    text.rewrite(_PICTURES, lambda match: " ")


def tidy(text: MappedText) -> None:
    """Join the lines, with a pause at each line's end, and remove what no voice can say."""
    text.rewrite(_LINE_END, lambda match: ", ")
    text.rewrite(_LONE_MARKS, _nothing)
    text.rewrite(_CONTROLS, lambda match: " ")
    text.rewrite(_SPACE_BEFORE_MARK, _nothing)


_CONTROLS = re.compile(
    "[" + "".join(re.escape(chr(n)) for n in range(0x110) if unicodedata.category(chr(n)) == "Cc") + "\u2028\u2029]"
    "|[\ud800-\udfff\ue000-\uf8ff]"
)


def _needs_no_work(text: str) -> bool:
    return re.fullmatch(r"[a-zA-Z][a-zA-Z0-9 ,.!?']*", text.strip(" ")) is not None


def _nothing(match: "re.Match[str]") -> str:
    return ""


def _entity(match: "re.Match[str]") -> str | None:
    said = html.unescape(match.group())
    return said if said != match.group() else None


def _rows(text: MappedText) -> None:
    if "|" not in text.text:
        return
    text.rewrite(_TABLE_ROW, lambda match: kept(1))
    if re.search(r"\S[ \t]+\|[ \t]+\S", text.text):
        text.rewrite(_CELL_END, lambda match: ", ")
