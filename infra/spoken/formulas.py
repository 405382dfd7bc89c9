"""Formulas and signs in words: LaTeX, operators, exponents, and what stands for a word by itself."""

import re

from infra.spoken.mapped import MappedText, kept
from infra.spoken.vocabulary import words

_LATEX = re.compile(
    r"\$\$(.+?)\$\$|\\\[(.+?)\\\]|\\\((.+?)\\\)|\$(?=[^\s\d$])([^$\n`]*?)(?<=[^\s\\])\$(?!\d)"
    r"|\$(\d[^$\n]*?[\\^_={}+*<>][^$\n]*?)(?<=[^\s\\])\$(?!\d)",
    re.DOTALL,
)
_BARE_COMMAND = re.compile(r"\\(?:frac|sqrt|sum|int|times|cdot|alpha|beta|pi|text|mathrm)\b(?:\{[^{}]*\})*")
_COMMANDS = {
    "times": "times",
    "cdot": "times",
    "div": "divided by",
    "pm": "plus or minus",
    "leq": "is less than or equal to",
    "le": "is less than or equal to",
    "geq": "is greater than or equal to",
    "ge": "is greater than or equal to",
    "neq": "is not equal to",
    "ne": "is not equal to",
    "lt": "is less than",
    "gt": "is greater than",
    "approx": "is approximately",
    "equiv": "is equivalent to",
    "to": "to",
    "rightarrow": "to",
    "Rightarrow": "implies",
    "infty": "infinity",
    "sum": "the sum of",
    "prod": "the product of",
    "int": "the integral of",
    "lim": "the limit of",
    "partial": "partial",
    "nabla": "nabla",
    "in": "in",
    "cup": "union",
    "cap": "intersection",
    "forall": "for all",
    "exists": "there exists",
    "degree": "degrees",
    "circ": "degrees",
    "ldots": "and so on",
    "dots": "and so on",
    "cdots": "and so on",
    "log": "log",
    "ln": "natural log",
    "sin": "sine",
    "cos": "cosine",
    "tan": "tangent",
    "percent": "percent",
}
_GREEK = words(
    "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi pi rho sigma tau upsilon"
    " phi chi psi omega"
)
_SILENT = re.compile(r"\\(?:left|right|big|Big|displaystyle|quad|qquad|limits|,|;|!|:| )|[{}]|\\(?=\\)")
_GROUP = r"\{([^{}]*)\}"
_WRAPPED = re.compile(rf"\\(?:text|mathrm|mathbf|mathit|operatorname|boldsymbol|vec|hat|bar|overline|mbox){_GROUP}")
_FRACTION = re.compile(rf"\\[dt]?frac{_GROUP}{_GROUP}")
_ROOT = re.compile(rf"\\sqrt{_GROUP}")
_NTH_ROOT = re.compile(rf"\\sqrt\[([^\]]*)\]{_GROUP}")
_POWER = re.compile(r"\s*\^\s*(?:\{([^{}]*)\}|(\\circ|-?\w))")
_INDEX = re.compile(r"_(?:\{([^{}]*)\}|(\w))")
_PRIMED = re.compile(r"(?<=[a-zA-Z])'")
_POWERS = {"2": "squared", "3": "cubed", "\\circ": "degrees"}

_SUPERSCRIPTS = str.maketrans(
    "\u2070\u00b9\u00b2\u00b3\u2074\u2075\u2076\u2077\u2078\u2079\u207b\u207f", "0123456789-n"
)
_SUBSCRIPTS = str.maketrans("\u2080\u2081\u2082\u2083\u2084\u2085\u2086\u2087\u2088\u2089", "0123456789")

_OPERAND = r"(?:[\d)\]%\u00b0]|(?<![^\W\d_])[a-zA-Z])"
_NEXT = r"(?=\s*(?:[-+\u2212$\u20ac\u00a3(\u221a]?[\d(\u221a.$\u20ac\u00a3]|[a-zA-Z](?![^\W\d_])))"
_BETWEEN = tuple(
    (re.compile(pattern), f" {said} ")
    for pattern, said in (
        (r"(?<=[\d)])\s*\*\*\s*(?=[-\d(a-z])|(?<=(?<!\w)[a-zA-Z])\s*\*\*\s*(?=[-\d(])", "to the power of"),
        (rf"(?<={_OPERAND})\s*(?:\u2264|<=|=<)\s*", "is less than or equal to"),
        (rf"(?<={_OPERAND})\s*(?:\u2265|>=)\s*", "is greater than or equal to"),
        (r"\s*(?:!=|\u2260|<>)\s*(?=\S)", "is not equal to"),
        (r"(?<=[\w)])\s*(?:\u2248|\u2243|\u2245)\s*(?=\S)", "is approximately"),
        (r"(?<=\d)\s*[\u00d7\u22c5\u00b7*]\s*(?=[-\d($])", "times"),
        (rf"(?<={_OPERAND})\s+\*\s+{_NEXT}|(?<=[\w)])\s+[\u00d7\u22c5]\s+(?=[\w($])", "times"),
        (r"(?<=\d)\s*[xX]\s*(?=\d+\s*=)", "times"),
        (r"(?<=[a-zA-Z\d)])[*\u22c5](?=[a-zA-Z\d(])", "times"),
        (r"(?<=[\w)%])\s*\u00f7\s*(?=[\w(])", "divided by"),
        (r"(?<=[\d)%])\s+/\s+(?=[-\d(])|(?<=(?<!\w)[a-z])\s*/\s*(?=[a-z]\s*=)", "divided by"),
        (r"(?<=(?<![\w-])[a-z])-(?=\d)", "minus"),
        (rf"(?<={_OPERAND})\s*\+\s*{_NEXT}", "plus"),
        (rf"(?<={_OPERAND})\s+[-\u2212]\s+{_NEXT}|(?<=[\d)])\s*\u2212\s*{_NEXT}|(?<=\))-(?=[\d(])", "minus"),
        (rf"(?<=[\d)])\s*[-\u2013]\s*{_NEXT}(?=\s*[\d.,()]+\s*=)", "minus"),
        (r"(?<=[\w)\]%\u00b0\"'])\s*={2,3}\s*(?=\S)|(?<=[\w)\]%\u00b0])\s*=\s*(?=[-+\w(\u221a\u2212$\"'])", "equals"),
        (r"\s+(?:=>|\u21d2|->|-->|\u2192|\u279c)\s+|(?<=\w)(?:->|\u2192)(?=\w)", "to"),
    )
)
_BEFORE = tuple(
    (re.compile(pattern), f"{said} ")
    for pattern, said in (
        (r"\u00b1\s*(?=[\d$])|\+/-\s*(?=[\d$])", "plus or minus"),
        (r"(?:(?<=\s)|^|(?<=[(\"']))(?:~|\u2248)\s*(?=[-$\u20ac\u00a3\d])", "about"),
        (r"(?:(?<=\s)|^|(?<=[(\"']))(?:<=|\u2264)\s*(?=[-$\u20ac\u00a3\d.])", "at most"),
        (r"(?:(?<=\s)|^|(?<=[(\"']))(?:>=|\u2265)\s*(?=[-$\u20ac\u00a3\d.])", "at least"),
        (r"\u221a\s*(?=[\d(a-z])", "the square root of"),
        (r"\u221b\s*(?=[\d(a-z])", "the cube root of"),
    )
)
_LESS = re.compile(r"(?<=[\w)%])\s*<\s*(?=[-\w($])|(?:(?<=\s)|^)<\s*(?=[-$\d])")
_MORE = re.compile(r"(?<=[\w)%])\s*>\s*(?=[-\w($])|(?:(?<=\s)|^)>\s*(?=[-$\d])")
_CARET = re.compile(r"(?<=[\w)])\^(?:\{([^{}]+)\}|\(([^()]+)\)|(-?\w+))")
_SUPERSCRIPT = re.compile("(?<=[\\w)])([\u2070\u00b9\u00b2\u00b3\u2074-\u2079\u207b\u207f]+)")
_SUBSCRIPT = re.compile("(?<=\\w)([\u2080-\u2089]+)")
_MINUS = re.compile(r"(?:(?<=[\s(\[\"':=])|^)[-\u2212\u2013](?=[$\u20ac\u00a3\u00a5]?\.?\d)|\u2212(?=\d)")
_PLUS = re.compile(r"(?:(?<=[\s(\[\"'=])|^)\+(?=[$\u20ac\u00a3]?\d)")
_AFTER_NUMBER_PLUS = re.compile(r"(?<=\d)\+(?=[\s.,;!?)]|$)|(?<=(?<!\w)[A-F])\+(?=[\s.,;!?)]|$)")

_FACTORIAL = re.compile(r"(?<=\d)!(?=\s*[-=+*/\u00d7\u00f7])")
_OR = re.compile(
    r"(?i)\b(yes|he|his|him|she|true|on|s|either|one|in)\s?/\s?(no|she|hers?|he|false|off|or|both|many|out)\b"
)
_SIGNS = {
    "&": "and",
    "@": "at",
    "%": "percent",
    "\u2030": "per mille",
    "\u00b0": "degrees",
    "\u00a7": "section",
    "\u00b6": "paragraph",
    "\u2116": "number",
    "\u00a9": "copyright",
    "\u221e": "infinity",
    "\u03c0": "pi",
    "\u0394": "delta",
    "\u03b1": "alpha",
    "\u03b2": "beta",
    "\u03b3": "gamma",
    "\u03bb": "lambda",
    "\u03bc": "mu",
    "\u03a9": "omega",
    "\u03c3": "sigma",
    "\u03b8": "theta",
    "\u2211": "the sum of",
    "\u222b": "the integral of",
    "\u2208": "in",
    "\u2227": "and",
    "\u2228": "or",
    "\u2234": "therefore",
    "$": "dollars",
    "\u20ac": "euros",
    "\u00a3": "pounds",
    "\u00a5": "yen",
    "+": "plus",
    "=": "equals",
    "<": "less than",
    ">": "greater than",
    "\u2260": "not equal to",
    "\u2264": "at most",
    "\u2265": "at least",
    "\u2248": "approximately",
    "\u00b1": "plus or minus",
    "\u00d7": "times",
    "\u00f7": "divided by",
    "\u2212": "minus",
    "\u2192": "to",
    "\u2190": "from",
    "\u2194": "to and from",
    "\u2191": "up",
    "\u2193": "down",
    "\u21d2": "implies",
}
_SIGN = re.compile("[" + re.escape("".join(_SIGNS)) + "]")
_MARKS = re.compile("[\u2122\u00ae\u2020\u2021\u00ad]")
_SLASH = re.compile(r"(?<=[^\W\d_])\s*/\s*(?=[^\W\d_])")
_UNDERSCORE = re.compile(r"(?<=[^\W_])_+(?=[^\W_])|(?:(?<=\s)|^)_+(?=\w)|(?<=\w)_+(?=[\s.,;:!?)]|$)")
_BACKSLASH = re.compile(r"\\")


def say_latex(text: MappedText) -> None:
    """Make words of formulas in LaTeX; numbers themselves stay."""
    if "$" in text.text or "\\" in text.text:
        text.rewrite(_LATEX, _latex)
        text.rewrite(_BARE_COMMAND, lambda match: f" {formula(match.group())} ")


def say(text: MappedText) -> None:
    """Make words of the operators between numbers; numbers themselves stay."""
    if not re.search(
        r"[\\^*+=<>~/\u2212\u2013\u00b1\u00d7\u00f7\u2070-\u209f\u00b9\u00b2\u00b3\u2190-\u22ff-]", text.text
    ):
        return
    text.rewrite(_FACTORIAL, lambda match: " factorial")
    text.rewrite(_CARET, lambda match: f" {_power(match[1] or match[2] or match[3])}")
    for pattern, said in _BETWEEN:
        text.rewrite(pattern, lambda match, said=said: said)  # type: ignore[misc]
    for pattern, said in _BEFORE:
        text.rewrite(pattern, lambda match, said=said: said)  # type: ignore[misc]
    text.rewrite(_LESS, lambda match: f"{_is(match)} less than " if match.start() else "less than ")
    text.rewrite(_MORE, lambda match: f"{_is(match)} greater than " if match.start() else "more than ")
    text.rewrite(_MINUS, lambda match: "minus ")
    text.rewrite(_PLUS, lambda match: "plus ")
    text.rewrite(_AFTER_NUMBER_PLUS, lambda match: " plus")


def say_superscripts(text: MappedText) -> None:
    """Make words of small raised and lowered digits; after units have been said."""
    text.rewrite(_SUPERSCRIPT, lambda match: f" {_power(match[1].translate(_SUPERSCRIPTS))}")
    text.rewrite(_SUBSCRIPT, lambda match: f" {match[1].translate(_SUBSCRIPTS)}")


def say_signs(text: MappedText) -> None:
    """Make words of the signs that are left."""
    text.rewrite(_MARKS, lambda match: "")
    text.rewrite(_SIGN, lambda match: f" {_SIGNS[match.group()]} ")
    text.rewrite(_OR, lambda match: f"{kept(1)} or {kept(2)}")
    text.rewrite(_SLASH, lambda match: " or " if match.group() == " / " else " ")
    text.rewrite(_UNDERSCORE, lambda match: " ")
    text.rewrite(_BACKSLASH, lambda match: " ")


def _latex(match: "re.Match[str]") -> str:
    inside = next(group for group in match.groups() if group is not None)
    return formula(inside)


def _is(match: "re.Match[str]") -> str:
    """Return the verb, unless the sentence has one: `Is 3 < 5?`."""
    return "" if re.search(r"(?i)\b(?:is|are|was|be)\s+\S+$", match.string[: match.start()]) else " is"


def formula(latex: str) -> str:
    r"""Return a LaTeX formula in words, numbers left as digits: `\frac{a}{b}` is "a over b"."""
    text = latex
    for _ in range(4):  # groups within groups
        before = text
        text = _WRAPPED.sub(r" \1 ", text)
        text = _NTH_ROOT.sub(r" the \1th root of \2 ", text)
        text = _ROOT.sub(r" the square root of \1 ", text)
        text = _FRACTION.sub(_over, text)
        text = _POWER.sub(lambda found: f" {_power(found[1] or found[2])} ", text)
        text = _INDEX.sub(lambda found: f" sub {found[1] or found[2]} ", text)
        if text == before:
            break
    text = _SILENT.sub(" ", text)
    text = re.sub(r"(?<![a-zA-Z\\])([a-z])([a-z])(?![a-zA-Z])", _product, text)
    text = re.sub(r"\\([a-zA-Z]+)", lambda found: f" {_command(found[1])} ", text)
    text = re.sub(r"(?<=\d)(?=[a-zA-Z])", " ", text)
    text = _PRIMED.sub(" prime", text)
    for sign, said in (("+", "plus"), ("-", "minus"), ("=", "equals"), ("*", "times"), ("/", "over")):
        text = re.sub(rf"(?:(?<=\S)|^)\s*{re.escape(sign)}\s*", f" {said} ", text)
    return " ".join(text.replace("&", " ").split())


_WORDS_OF_TWO = frozenset(["of", "to", "in", "is", "or", "by", "if", "at", "on", "an", "as", "be", "it"])


def _product(match: "re.Match[str]") -> str:
    return match.group() if match.group() in _WORDS_OF_TWO else f"{match[1]} {match[2]}"


def _over(match: "re.Match[str]") -> str:
    above, below = match[1].strip(), match[2].strip()
    if above.isdigit() and below.isdigit():
        return f" {above}\u2044{below} "
    return f" {above} over {below} "


def _command(name: str) -> str:
    return _COMMANDS.get(name, name.lower() if name.lower() in _GREEK else name)


def _power(exponent: str) -> str:
    exponent = exponent.strip()
    if exponent.startswith("-"):
        return f"to the power of minus {exponent[1:]}"
    return _POWERS.get(exponent, f"to the power of {exponent}")
