"""Formulas in LaTeX in words; the numbers in them stay."""

import re

from infra.spoken.mapped import MappedText
from infra.spoken.numbers import ordinal
from infra.spoken.vocabulary import word_set

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
    "mp": "minus or plus",
    "ll": "is much less than",
    "gg": "is much greater than",
    "sim": "is similar to",
    "propto": "is proportional to",
    "mapsto": "maps to",
    "implies": "implies",
    "iff": "if and only if",
    "Leftrightarrow": "if and only if",
    "leftarrow": "from",
    "subset": "is a subset of",
    "subseteq": "is a subset of",
    "notin": "not in",
    "neg": "not",
    "land": "and",
    "lor": "or",
    "emptyset": "the empty set",
    "perp": "is perpendicular to",
    "parallel": "is parallel to",
    "angle": "angle",
    "therefore": "therefore",
    "iint": "the double integral of",
    "oint": "the closed integral of",
}
_GREEK = word_set(
    "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi pi rho sigma tau upsilon"
    " phi chi psi omega"
)
_SILENT = re.compile(r"\\(?:left|right|big|Big|displaystyle|quad|qquad|limits|,|;|!|:| )|[{}]|\\(?=\\)")
_GROUP = r"\{([^{}]*)\}"
_WRAPPED = re.compile(
    rf"\\(?:text|textbf|textit|emph|mathrm|mathbf|mathit|mathbb|mathcal|mathsf|mathfrak|operatorname|boldsymbol"
    rf"|vec|hat|bar|overline|mbox){_GROUP}"
)
_FRACTION = re.compile(rf"\\[dt]?frac{_GROUP}{_GROUP}")
_ROOT = re.compile(rf"\\sqrt{_GROUP}")
_NTH_ROOT = re.compile(rf"\\sqrt\[([^\]]*)\]{_GROUP}")
_CHOOSE = re.compile(rf"\\[dt]?binom{_GROUP}{_GROUP}")
_ENVIRONMENT = re.compile(r"\\(?:begin|end)\{[^{}]*\}(?:\{[^{}]*\})?|&")
_FUNCTION = re.compile(r"(?<![a-zA-Z\\])([fghFGPE]'*)\(")
_POWER = re.compile(r"\s*\^\s*(?:\{([^{}]*)\}|(\\circ|-?\w))")
_INDEX = re.compile(r"_(?:\{([^{}]*)\}|(\w))")
_LIMIT = re.compile(r"\\lim\s*_\s*\{([^{}]*)\}")
_BASE = re.compile(r"\\log\s*_\s*(?:\{([^{}]*)\}|(\w))")
_BOUNDS = re.compile(
    r"\\(sum|prod|int|iint|oint)(?:\\limits)?\s*_\s*(?:\{([^{}]*)\}|(\w))(?:\s*\^\s*(?:\{([^{}]*)\}|(\\?\w+)))?"
)
_PRIMED = re.compile(r"(?<=[a-zA-Z])'")
_POWERS = {"2": "squared", "3": "cubed", "\\circ": "degrees"}


def say(text: MappedText) -> None:
    """Turn formulas in LaTeX into words; numbers stay."""
    if "$" in text.text or "\\" in text.text:
        text.rewrite(_LATEX, _latex)
        text.rewrite(_BARE_COMMAND, lambda match: f" {formula(match.group())} ")


def _latex(match: "re.Match[str]") -> str:
    inside = next(group for group in match.groups() if group is not None)
    return formula(inside)


def formula(latex: str) -> str:
    r"""Return a LaTeX formula in words, numbers left as digits: `\frac{a}{b}` is "a over b"."""
    text = _with_limits(_ENVIRONMENT.sub(" ", latex).replace(r"\\", " , "))
    text = re.sub(r"(?<=[\w)}])!(?![=\w])", " factorial", _FUNCTION.sub(r"\1 of (", text))
    text = re.sub(r"(?<=\w)\|(?=\w)", " given ", text)
    text = re.sub(r"\\?\|([^|]{1,12}?)\\?\|", r" the absolute value of \1 ", text)
    for _ in range(4):  # groups within groups
        before = text
        text = _WRAPPED.sub(r" \1 ", text)
        text = _NTH_ROOT.sub(_nth_root, text)
        text = _CHOOSE.sub(r" \1 choose \2 ", text)
        text = _ROOT.sub(r" the square root of \1 ", text)
        text = _FRACTION.sub(_over, text)
        text = _POWER.sub(lambda found: f" {power(found[1] or found[2])} ", text)
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


def _with_limits(latex: str) -> str:
    """Return the limits below and above a sum, an integral, a limit, a logarithm in words."""
    text = _LIMIT.sub(lambda found: f" the limit as {found[1].replace(chr(92) + 'to', ' goes to ')} of ", latex)
    text = _BASE.sub(lambda found: f" log base {found[1] or found[2]} of ", text)
    return _BOUNDS.sub(_bounds, text)


def _bounds(match: "re.Match[str]") -> str:
    below, above = match[2] or match[3] or "", match[4] or match[5] or ""
    name = _command(match[1]).removesuffix(" of")
    if not above:
        return f" {name} over {below} of "
    return f" {name} from {below} to {above} of "


def _nth_root(match: "re.Match[str]") -> str:
    degree = match[1].strip()
    name = {"2": "square", "3": "cube"}.get(degree) or (ordinal(degree) if degree.isdigit() else f"{degree}-th")
    return f" the {name} root of {match[2]} "


def _over(match: "re.Match[str]") -> str:
    above, below = match[1].strip(), match[2].strip()
    if above.isdigit() and below.isdigit():
        return f" {above}\u2044{below} "
    return f" {above} over {below} "


def _command(name: str) -> str:
    return _COMMANDS.get(name, name.lower() if name.lower() in _GREEK else name)


def power(exponent: str) -> str:
    """Return an exponent in words: "squared", "to the power of minus 3"."""
    exponent = exponent.strip()
    if exponent.startswith("-"):
        return f"to the power of minus {exponent[1:]}"
    return _POWERS.get(exponent, f"to the power of {exponent}")
