"""States and city quarters in addresses: `St. Louis, Mo.`, `Austin, TX 78701`, `Pennsylvania Avenue NW`."""

import re

from infra.spoken.mapped import MappedText, kept
from infra.spoken.numbers import spelled


def _named(lines: str) -> dict[str, str]:
    return dict(entry.strip().split(" ", 1) for entry in lines.split(","))


_SHORT = _named(
    """Ala Alabama, Ariz Arizona, Ark Arkansas, Calif California, Colo Colorado, Conn Connecticut
    , Del Delaware, Fla Florida
    , Ga Georgia, Ill Illinois, Ind Indiana, Kan Kansas, Ky Kentucky, La Louisiana, Md Maryland, Mass Massachusetts
    , Mich Michigan, Minn Minnesota, Miss Mississippi, Mo Missouri, Mont Montana, Neb Nebraska, Nev Nevada
    , Okla Oklahoma
    , Ore Oregon, Pa Pennsylvania, Tenn Tennessee, Tex Texas, Vt Vermont, Va Virginia, Wash Washington, Wis Wisconsin
    , Wyo Wyoming"""
)
_CODES = _named(
    """AL Alabama, AK Alaska, AZ Arizona, AR Arkansas, CA California, CO Colorado, CT Connecticut
    , DE Delaware, FL Florida
    , GA Georgia, HI Hawaii, ID Idaho, IL Illinois, IN Indiana, IA Iowa, KS Kansas, KY Kentucky, LA Louisiana, ME Maine
    , MD Maryland, MA Massachusetts, MI Michigan, MN Minnesota, MS Mississippi, MO Missouri, MT Montana, NE Nebraska
    , NV Nevada, NH New Hampshire, NJ New Jersey, NM New Mexico, NY New York, NC North Carolina
    , ND North Dakota, OH Ohio
    , OK Oklahoma, OR Oregon, PA Pennsylvania, RI Rhode Island, SC South Carolina, SD South Dakota
    , TN Tennessee, TX Texas
    , UT Utah, VT Vermont, VA Virginia, WA Washington, WV West Virginia, WI Wisconsin, WY Wyoming"""
)
_STATE = re.compile(
    rf"(?<=[a-z])(,\s)(?:({'|'.join(_SHORT)})\.|({'|'.join(_CODES)})(?=\s*(?:$|[.,;:!?)]|\d{{5}}"
    rf"|[a-z]))(\s+\d{{5}}(?:-\d{{4}})?(?!\w))?(?!['\u2019]))(?!\w)"
)
_STREET_SIDE = re.compile(
    r"(?<![\w.])([NSEW])\.\s(?=(?:\d+(?:st|nd|rd|th)|[A-Z][a-z]+)\s(?:St|Ave|Blvd|Rd|Dr|Ln|Street|Avenue|Road)\b)"
)
_FLOOR = re.compile(r"(?<=(?:st|nd|rd|th)\s)fl\b(\.?)")
_QUARTER = re.compile(r"\b((?:Street|Avenue|Drive|Road|Boulevard|Lane)\s)(NW|NE|SW|SE|N|S|E|W)(?![\w.'])")
_QUARTERS = _named("N North, S South, E East, W West, NW Northwest, NE Northeast, SW Southwest, SE Southeast")


def say_states(text: MappedText) -> None:
    """Expand states after a town; call it before signs become words."""
    text.rewrite(_STATE, _state)
    text.rewrite(_STREET_SIDE, lambda match: f"{_QUARTERS[match[1]]} ")
    text.rewrite(_FLOOR, lambda match: "floor" + ("" if match.string[match.end() :].strip() else match[1]))


def say_quarters(text: MappedText) -> None:
    """Expand the city quarter after a street's name."""
    text.rewrite(_QUARTER, lambda match: f"{kept(1)}{_QUARTERS[match[2]]}")


def _state(match: "re.Match[str]") -> str:
    if match[3]:
        digits = f" {spelled(match[4].strip().replace('-', ''))}" if match[4] else ""
        return f"{kept(1)}{_CODES[match[3]]}{digits}"
    ends = not match.string[match.end() :].strip("\"')\u201d\u2019 \n")
    return f"{kept(1)}{_SHORT[match[2]]}{'.' if ends else ''}"
