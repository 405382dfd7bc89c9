"""Web and e-mail addresses, file names, versions and hashtags, as one would say them over the phone."""

import re

from infra.spoken.mapped import MappedText
from infra.spoken.numbers import cardinal, spelled
from infra.spoken.vocabulary import word_set

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
_SAID_AS_WORDS = word_set(
    "com org net gov edu info dev app biz name shop blog online site store tech cloud museum co zip exe"
    " doc bin log tar yaml yml json toml text bat conf config cfg docs ini lock"
)
_TLD = (
    r"(?:com|org|net|edu|gov|mil|int|info|biz|name|io|ai|co|dev|app|me|tv|ly|gl|gg|fm|us|uk|ca|de|fr|es|it|nl|be"
    r"|ch|at|eu|au|nz|jp"
    r"|cn|in|br|mx|ru|pl|se|no|dk|fi|ie|pt|gr|cz|shop|blog|online|site|store|tech|cloud|xyz|example|test|local)"
)
_EXTENSION = (
    r"(?:pdf|docx?|xlsx?|pptx?|txt|md|csv|tsv|json|ya?ml|toml|xml|html?|css|jsx?|tsx?|mjs|py|ipynb|java|c|h|cpp"
    r"|hpp|cs|go|rs"
    r"|rb|php|sh|bat|ps1|sql|db|log|ini|cfg|conf|env|zip|tar|gz|tgz|7z|rar|exe|dll|so|bin|iso|dmg|deb|rpm|apk|png"
    r"|jpe?g|gif"
    r"|svg|webp|bmp|ico|tiff?|mp3|mp4|wav|ogg|flac|m4a|avi|mkv|mov|webm|onnx|lock|bak|tmp|key|pem)"
)
_END = r"(?=[.,;:!?)\]}\"'\u201d\u2019]*(?:\s|$))"
_EMAIL = re.compile(r"(?:mailto:)?([\w.+%-]+@[\w-]+(?:\.[\w-]+)+)")
_URL = re.compile(r"(?:(?:https?|ftp|wss?|nats)://|www\.)[^\s<>\"'\u201d]*[^\s<>\"'\u201d.,;:!?)\]}]", re.IGNORECASE)
_DOMAIN = re.compile(
    rf"(?<![\w@.-])(?:[a-zA-Z][a-zA-Z0-9-]*\.)+{_TLD}(?:\.(?:uk|au|nz|jp|br))?(?:/[^\s<>\"']*[\w/])?(?![\w@-]|\.\w)"
)
_HOST_PORT = re.compile(r"(?<![\w.])(localhost):(\d{2,5})(?!\d)((?:/[\w./-]*\w)?)")
_IP = re.compile(r"(?<![\d.])(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})(?::(\d+)|/(\d{1,2}))?(?![\d.]*\d)")
_PATH = re.compile(r"(?:(?<=[\s(\"'])|^)(?:[A-Z]:\\|~?/|\.{1,2}/)[\w.\\/+@-]*[\w/]" + _END)
_FILE = re.compile(
    rf"(?<![\w@/.])(?:[\w-]+/)*[\w-]*[a-zA-Z_][\w-]*(?:\.[\w-]+)*\.{_EXTENSION}(?![\w-])" + r"(?!\.\w)", re.IGNORECASE
)
_DOTFILE = re.compile(r"(?:(?<=\s)|^)\.([a-z][a-z]{2,}[\w.-]*)" + _END)
_VERSION = re.compile(r"(?<![\w.])[vV](\d+(?:\.\d+)*)(?:-?(alpha|beta|rc)[.-]?(\d*))?(?![\w]|\.\d)")
_PRERELEASE = re.compile(r"(?<=\d)-(alpha|beta|rc|dev|preview|SNAPSHOT)[.-]?(\d*)(?!\w)")
_DOTTED = re.compile(r"(?<![\w.$\u20ac])(\d{1,4}(?:\.\d{1,4}){2,})(?![\w]|\.\d)")
_KINDS = {"rc": "release candidate"}
_HASHTAG = re.compile(r"(?:(?<=[\s(])|^)#([A-Za-z]\w+)")
_HANDLE = re.compile(r"(?:(?<=[\s(])|^)@([A-Za-z]\w+)")
_NUMBER_SIGN = re.compile(r"(?:(?<=[\s(])|^)#\s?(?=\d)")
_LANGUAGES = re.compile(r"(?<!\w)([CFJ])#(?!\w)|(?<!\w)([CG])\+\+(?!\w)|(?:(?<!\w)|(?<=\bASP)|(?<=\bADO))\.NET\b")
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Za-z])(?=\d)|_")


def say(text: MappedText) -> None:
    """Turn addresses, and what has to be spelled, into words."""
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
        text.rewrite(_PRERELEASE, lambda match: f" {_KINDS.get(match[1], match[1])} {match[2]}".rstrip())
        text.rewrite(_DOTTED, _dotted)
    text.rewrite(_VERSION, _version)
    text.rewrite(_LANGUAGES, _language)
    if "#" in found or "@" in found:
        text.rewrite(_HASHTAG, lambda match: f"hashtag {_CAMEL.sub(' ', match[1])}")
        text.rewrite(_HANDLE, lambda match: f"at {_CAMEL.sub(' ', match[1])}")
        text.rewrite(_NUMBER_SIGN, lambda match: "number ")


def _language(match: "re.Match[str]") -> str:
    if match[1]:
        return f"{match[1]} sharp"
    return f"{match[2]} plus plus" if match[2] else " dot net"


def _version(match: "re.Match[str]") -> str:
    parts = " point ".join(cardinal(part) for part in match[1].split("."))
    kind = _KINDS.get(match[2] or "", match[2] or "")
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
    width = f" slash {cardinal(match[6])}" if match[6] else ""
    return " dot ".join(spelled(part) for part in parts) + port + width


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
            after_dot = place > 1 and parts[place - 1] == "." and "@" not in parts[place:]
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
