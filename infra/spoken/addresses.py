"""Web and e-mail addresses, file names, versions, hashtags and codes, as one would say them over the phone."""

import re

from infra.spoken.mapped import MappedText
from infra.spoken.numbers import cardinal, spelled
from infra.spoken.vocabulary import words

_SIGNS = {
    ".": "dot",
    "-": "dash",
    "_": "underscore",
    "/": "slash",
    "@": "at",
    "+": "plus",
    "~": "tilde",
    ":": "colon",
    "=": "equals",
    "&": "and",
    "%": "percent",
    "\\": "backslash",
    "#": "hash",
}
_SAID_AS_WORDS = words(
    "com org net gov edu info dev app biz name shop blog online site store tech cloud museum co zip exe"
    " doc bin log tar yaml yml json toml text bat conf config cfg docs ini lock"
)
_TLD = (
    r"(?:com|org|net|edu|gov|mil|int|info|biz|name|io|ai|co|dev|app|me|tv|us|uk|ca|de|fr|es|it|nl|be|ch|at|eu|au|nz|jp"
    r"|cn|in|br|mx|ru|pl|se|no|dk|fi|ie|pt|gr|cz|shop|blog|online|site|store|tech|cloud|xyz|example|test|local)"
)
_EXTENSION = (
    r"(?:pdf|docx?|xlsx?|pptx?|txt|md|csv|tsv|json|ya?ml|toml|xml|html?|css|jsx?|tsx?|mjs|py|ipynb|java|c|h|cpp|hpp|cs|go|rs"
    r"|rb|php|sh|bat|ps1|sql|db|log|ini|cfg|conf|env|zip|tar|gz|tgz|7z|rar|exe|dll|so|bin|iso|dmg|deb|rpm|apk|png|jpe?g|gif"
    r"|svg|webp|bmp|ico|tiff?|mp3|mp4|wav|ogg|flac|m4a|avi|mkv|mov|webm|onnx|lock|bak|tmp|key|pem)"
)
_END = r"(?=[.,;:!?)\]}\"'\u201d\u2019]*(?:\s|$))"
_EMAIL = re.compile(r"(?:mailto:)?([\w.+%-]+@[\w-]+(?:\.[\w-]+)+)")
_URL = re.compile(r"(?:(?:https?|ftp|wss?|nats)://|www\.)[^\s<>\"'\u201d]*[^\s<>\"'\u201d.,;:!?)\]}]", re.IGNORECASE)
_DOMAIN = re.compile(
    rf"(?<![\w@.-])(?:[a-zA-Z][a-zA-Z0-9-]*\.)+{_TLD}(?:\.(?:uk|au|nz|jp|br))?(?:/[^\s<>\"']*[\w/])?(?![\w@-]|\.\w)"
)
_HOST_PORT = re.compile(r"(?<![\w.])(localhost):(\d{2,5})(?!\d)((?:/[\w./-]*\w)?)")
_IP = re.compile(r"(?<![\d.])(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})(?::(\d+))?(?![\d.]*\d)")
_PATH = re.compile(r"(?:(?<=[\s(\"'])|^)(?:[A-Z]:\\|~?/|\.{1,2}/)[\w.\\/+@-]*[\w/]" + _END)
_FILE = re.compile(
    rf"(?<![\w@/.])(?:[\w-]+/)*[\w-]*[a-zA-Z_][\w-]*(?:\.[\w-]+)*\.{_EXTENSION}(?![\w-])" + r"(?!\.\w)", re.IGNORECASE
)
_DOTFILE = re.compile(r"(?:(?<=\s)|^)\.([a-z][a-z]{2,}[\w.-]*)" + _END)
_VERSION = re.compile(r"(?<![\w.])[vV](\d+(?:\.\d+)*)(?:-?(alpha|beta|rc)[.-]?(\d*))?(?![\w]|\.\d)")
_DOTTED = re.compile(r"(?<![\w.$\u20ac])(\d{1,4}(?:\.\d{1,4}){2,})(?![\w]|\.\d)")
_HASHTAG = re.compile(r"(?:(?<=[\s(])|^)#([A-Za-z]\w+)")
_HANDLE = re.compile(r"(?:(?<=[\s(])|^)@([A-Za-z]\w+)")
_HEX = re.compile(r"(?<!\w)0x([0-9A-Fa-f]+)(?!\w)")
_NUMBER_SIGN = re.compile(r"(?:(?<=[\s(])|^)#\s?(?=\d)")
_CODE = re.compile(r"(?<![\w.$-])(?=[A-Z0-9-]*\d)(?=[A-Z0-9-]*[A-Z])[A-Z0-9]+(?:-[A-Z0-9]+)*(?![\w]|-\w|[.,]\d)")
_NAMED = re.compile(
    r"(?i:\b(?:code|pin|id|password|passcode|account|order|ticket|confirmation|reference|tracking|serial|zip|otp"
    r"|case|extension|ext|license|iban|invoice)\b(?:\s+(?:number|code|no\.?|is|id|#))*[:\s]+#?)(\d{4,})(?![\d.,]*\d|:)"
)
_LANGUAGES = re.compile(r"(?<!\w)([CFJ])#(?!\w)|(?<!\w)([CG])\+\+(?!\w)|(?<!\w)\.NET\b")
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Za-z])(?=\d)|_")
_WORDLIKE = re.compile(r"[A-Z]{3,}-?\d{1,2}|[A-Z]-?\d{1,3}|\d{1,3}[A-Z]{1,2}|[A-Z]{1,3}\d{1,2}[A-Z]?|[A-Z]{2}-\d{1,2}")


def say(text: MappedText) -> None:
    """Make words of addresses and of what is to be spelled."""
    found = text.text
    if "@" in found or "." in found or "/" in found or "\\" in found or ":" in found:
        text.rewrite(_EMAIL, lambda match: _spoken_address(match[1]))
        text.rewrite(_URL, lambda match: _url(match.group()))
        text.rewrite(_HOST_PORT, lambda match: f"{match[1]} port {spelled(match[2])}{_path(match[3])}")
        text.rewrite(_DOMAIN, lambda match: _spoken_address(match.group()))
        text.rewrite(_IP, _ip)
        text.rewrite(
            _PATH, lambda match: _path(match.group()).strip() if re.search(r"[A-Za-z]", match.group()) else None
        )
        text.rewrite(_FILE, lambda match: _spoken_address(match.group()) if match.group()[1] != "." else None)
        text.rewrite(_DOTFILE, lambda match: f"dot {_spoken_address(match[1])}")
        text.rewrite(_DOTTED, _dotted)
    text.rewrite(_VERSION, _version)
    text.rewrite(_LANGUAGES, _language)
    if "#" in found or "@" in found:
        text.rewrite(_HASHTAG, lambda match: f"hashtag {_CAMEL.sub(' ', match[1])}")
        text.rewrite(_HANDLE, lambda match: f"at {_CAMEL.sub(' ', match[1])}")
        text.rewrite(_NUMBER_SIGN, lambda match: "number ")
    text.rewrite(_HEX, lambda match: f"zero x {' '.join(_letters(match[1].upper()))}")
    text.rewrite(_NAMED, lambda match: match.group()[: match.start(1) - match.start()] + spelled(match[1]))
    text.rewrite(_CODE, _code)


def _language(match: "re.Match[str]") -> str:
    if match[1]:
        return f"{match[1]} sharp"
    return f"{match[2]} plus plus" if match[2] else "dot net"


def _version(match: "re.Match[str]") -> str:
    parts = " point ".join(cardinal(part) for part in match[1].split("."))
    kind = {"rc": "release candidate"}.get(match[2] or "", match[2] or "")
    return " ".join(filter(None, ("version", parts, kind, cardinal(match[3]) if match[3] else "")))


def _dotted(match: "re.Match[str]") -> str | None:
    parts = match[1].split(".")
    if len(parts[0]) <= 3 and all(len(part) == 3 for part in parts[1:]):
        return None  # thousands, as written in much of Europe
    if len(parts) == 3 and len(parts[2]) == 4:
        return None  # a date
    return " point ".join(cardinal(part) for part in parts)


def _ip(match: "re.Match[str]") -> str | None:
    parts = match.groups()[:4]
    if any(int(part) > 255 for part in parts):
        return None
    port = f" port {spelled(match[5])}" if match[5] else ""
    return " dot ".join(spelled(part) for part in parts) + port


def _url(url: str) -> str:
    place = re.sub(r"^(?:(?:https?|ftp|wss?|nats)://)?(?:www\.)?", "", url, flags=re.IGNORECASE)
    place = re.split(r"[?#]", place)[0].rstrip("/")
    host, slash, path = place.partition("/")
    host, _, port = host.partition(":")
    said = _spoken_address(host) + (f" port {spelled(port)}" if port.isdigit() else "")
    return said + (_path(f"/{path}") if slash and path else "")


def _path(path: str) -> str:
    return f" {_spoken_address(path)}" if path else ""


def _spoken_address(address: str) -> str:
    """Return an address with its signs as words; short parts and endings like `io` letter by letter."""
    parts = re.split(r"([.\-_/@+~:=&%\\#])", address)
    words: list[str] = []
    for place, part in enumerate(parts):
        if part in _SIGNS:
            words.append(_SIGNS[part])
        elif part:
            after_dot = place > 1 and parts[place - 1] == "."
            words.append(_part(part, after_dot))
    return " ".join(words)


def _part(part: str, after_dot: bool) -> str:
    if len(part) == 1 and part.isalpha():
        return part
    is_short = len(part) <= 3 and part.isalpha() and part.lower() not in _SAID_AS_WORDS
    if is_short and (after_dot or not re.search(r"[aeiouyAEIOUY]", part)):
        return " ".join(part.upper())
    words = []
    for piece in re.findall(r"\d+|\D+", _CAMEL.sub(" ", part) if not part.isupper() else part):
        words.append(
            (spelled(piece) if len(piece) > 2 or piece[0] == "0" else cardinal(piece))
            if piece.isdigit()
            else piece.strip()
        )
    return " ".join(filter(None, words))


def _code(match: "re.Match[str]") -> str | None:
    code = match.group()
    if _WORDLIKE.fullmatch(code) or len(code.replace("-", "")) < 4 or re.match(r"\d{4}-\d\d-\d\d", code):
        return None
    groups = [" ".join(_letters(group)) for group in code.split("-")]
    return ", ".join(groups)


def _letters(group: str) -> list[str]:
    return [spelled(sign) if sign.isdigit() else sign for sign in group]
