"""Amounts before the noun they describe: `a £5 note` is "a five pound note", `a 5 km run` "a five kilometer run"."""

import re

from infra.spoken.vocabulary import word_set

_BEFORE = re.compile(r"(?i)(?<![\w.])(an?|another|every|the|this|that|my|your|his|her|its|our|their)\s+$")
_INDEFINITE = frozenset({"a", "an", "another", "every"})
_NOUN = re.compile(r"[\s-](?:[a-z]+ly\s)?([a-z]{2,})")
_NO_NOUN = word_set(
    "a an the and or but of in on at to for from by with without per than as is are was were be been if so that this"
    " which who whom whose we you he she it they i each every more less fewer too ago away apart later earlier"
    " before after"
    " above below under over up down off out into onto about around through until till since because when while where"
    " per not no only all both here there now then again also just still even ever never plus minus times times equals"
    " tall long wide deep high thick short old left right remaining lost short back east west north south behind ahead"
    " has have had will would can could may might must should do does did goes go went its his her my your our their"
)
_DESCRIBED = re.compile(
    r"\s(?:bill|bills|note|notes|coin|coins|deal|prize|banknote|gift card|fine|bulb|fuse|lens|race|turn|angle"
    r"|dash|relay|freestyle|SSD|drive|disk|hard drive"
    r"|display|monitor|screen|engine|battery|ruler|hike|flight|window|bag|bottle)\b|-an?-"
)


def is_attributive(match: "re.Match[str]") -> bool:
    """Return whether the matched amount stands before a noun that it describes."""
    behind = match.string[match.end() :]
    before = _BEFORE.search(match.string[: match.start()])
    if before is None:
        return _DESCRIBED.match(behind) is not None
    noun = _NOUN.match(behind)
    if noun is None or noun[1] in _NO_NOUN:
        return False
    return before[1].lower() in _INDEFINITE or not noun[1].endswith(("ed", "ing"))
