"""Abbreviations, months, units' neighbours: the words that both the clause cutter and the pipeline use."""

import re


def word_set(words: str) -> frozenset[str]:
    """Return the words of a list written as one text, separated by spaces."""
    return frozenset(words.split())


TITLES = {
    "mr": "Mister",
    "mrs": "Missus",
    "ms": "Miz",
    "dr": "Doctor",
    "prof": "Professor",
    "rev": "Reverend",
    "gen": "General",
    "col": "Colonel",
    "capt": "Captain",
    "lt": "Lieutenant",
    "sgt": "Sergeant",
    "cpl": "Corporal",
    "maj": "Major",
    "hon": "Honorable",
    "gov": "Governor",
    "sen": "Senator",
    "rep": "Representative",
    "pres": "President",
    "st": "Saint",
    "mt": "Mount",
    "ft": "Fort",
    "messrs": "Messers",
    "adm": "Admiral",
    "cmdr": "Commander",
    "supt": "Superintendent",
    "insp": "Inspector",
    "amb": "Ambassador",
}
"""Said before a name; their full stop never ends a sentence."""

ALWAYS = {
    "e.g": "for example",
    "i.e": "that is",
    "etc": "et cetera",
    "vs": "versus",
    "approx": "approximately",
    "cf": "compare",
    "viz": "namely",
    "al": "al",
    "dept": "department",
    "assn": "association",
    "govt": "government",
    "univ": "university",
    "bldg": "building",
    "apt": "apartment",
    "inc": "Incorporated",
    "ltd": "Limited",
    "corp": "Corporation",
    "bros": "Brothers",
    "jr": "Junior",
    "sr": "Senior",
    "esq": "Esquire",
    "ave": "Avenue",
    "blvd": "Boulevard",
    "rd": "Road",
    "hwy": "Highway",
    "avg": "average",
    "max": "maximum",
    "incl": "including",
    "excl": "excluding",
    "misc": "miscellaneous",
    "temp": "temperature",
    "tel": "telephone",
    "ext": "extension",
    "esp": "especially",
    "orig": "originally",
    "hrs": "hours",
    "hr": "hour",
    "mins": "minutes",
    "secs": "seconds",
    "yrs": "years",
    "wks": "weeks",
    "lbs": "pounds",
    "figs": "figures",
    "vols": "volumes",
    "nos": "numbers",
    "est": "estimated",
    "acct": "account",
    "ea": "each",
    "asst": "assistant",
    "attn": "attention",
    "assoc": "associate",
    "qty": "quantity",
    "co": "Company",
    "pkwy": "Parkway",
    "ln": "Lane",
}
"""Written with a full stop in any context."""

BEFORE_NUMBER = {
    "no": "number",
    "nos": "numbers",
    "nr": "number",
    "p": "page",
    "pp": "pages",
    "pg": "page",
    "vol": "volume",
    "ch": "chapter",
    "chap": "chapter",
    "sec": "section",
    "sect": "section",
    "art": "article",
    "fig": "figure",
    "eq": "equation",
    "ed": "edition",
    "ver": "version",
    "v": "version",
    "rm": "room",
    "ext": "extension",
    "apt": "apartment",
    "ca": "circa",
    "c": "circa",
    "est": "established",
    "tel": "telephone",
    "op": "opus",
    "par": "paragraph",
    "min": "minimum",
    "max": "maximum",
    "pt": "part",
    "qty": "quantity",
    "ste": "suite",
    "rte": "route",
}
"""Abbreviations only before a number."""

MONTHS = {
    "jan": "January",
    "feb": "February",
    "mar": "March",
    "apr": "April",
    "may": "May",
    "jun": "June",
    "jul": "July",
    "aug": "August",
    "sep": "September",
    "sept": "September",
    "oct": "October",
    "nov": "November",
    "dec": "December",
}
MONTH_NAMES = tuple(dict.fromkeys(MONTHS.values()))
DAYS = {
    "mon": "Monday",
    "tue": "Tuesday",
    "tues": "Tuesday",
    "wed": "Wednesday",
    "thu": "Thursday",
    "thur": "Thursday",
    "thurs": "Thursday",
    "fri": "Friday",
    "sat": "Saturday",
    "sun": "Sunday",
}

NUMBERED = word_set(
    "chapter page pages figure section part volume number room flight gate platform line step question"
    " table act scene book article appendix version level phase type class grade unit lesson exercise"
    " episode season track route highway interstate terminal window king queen pope world war super bowl"
    " day week item option building floor apartment suite channel game round stage zone"
)
"""Words that are followed by a number or a Roman numeral."""

UNIT_NAMES = word_set(
    "in ft yd mi km cm mm m oz lb lbs kg g mg tbsp tsp tbs hr hrs min mins sec secs yr yrs wk wks mo mos gal qt"
    " pt pts sq"
    " l ml dl cl h s ms"
)
"""Short names of units that may have a full stop, or another measure after them."""

SCALES = ("thousand", "million", "billion", "trillion")

ROMAN = re.compile(r"(?=[MDCLXVI])M{0,3}(?:CM|CD|D?C{0,3})(?:XC|XL|L?X{0,3})(?:IX|IV|V?I{0,3})")
OPERATORS = word_set(
    "+ - \u2212 \u2013 * / = == != < > <= >= \u2264 \u2265 \u2260 \u2248 ~ \u00d7 \u00f7 \u00b1 ^ ** % & | -> &&"
    " || += -= \u2192 \u2190 \u2261 &amp; &lt; &gt; &le; &ge; &ne; &times; &divide; &plusmn; &rarr; &larr;"
)
"""Signs that belong to the text on both sides of them."""
