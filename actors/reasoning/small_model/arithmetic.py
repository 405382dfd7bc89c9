"""Simple sums, worked out for a model too small to calculate. Pure."""

import math
import re
from fractions import Fraction

_UNITS = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
]
_TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
_NUMBERS = {word: number for number, word in enumerate(_UNITS)} | {
    word: 10 * number for number, word in enumerate(_TENS, 2)
}
_SCALES = {"hundred": 100, "thousand": 1_000, "million": 1_000_000}
_MOST = 10**12
_WORD = "|".join((*_NUMBERS, *_SCALES))
_NUMBER = rf"(?:-?\d[\d,]*(?:\.\d+)?|(?:an? (?=hundred|thousand|million))?(?:{_WORD})(?:[ -](?:and )?(?:{_WORD}))*)"
_SIGNS = {
    "plus": "+", "and": "+", "+": "+", "added to": "+",
    "minus": "-", "-": "-", "\u2212": "-", "less": "-",
    "times": "*", "multiplied by": "*", "x": "*", "*": "*", "\u00d7": "*",
    "divided by": "/", "over": "/", "/": "/", "\u00f7": "/",
}  # fmt: skip
_SPOKEN = {"+": "plus", "-": "minus", "*": "times", "/": "divided by"}
_SIGN = "|".join(re.escape(sign) for sign in sorted(_SIGNS, key=len, reverse=True))
_SUM = re.compile(rf"^(?P<left>{_NUMBER}) ?(?P<sign>{_SIGN}) ?(?P<right>{_NUMBER})$")
_ADDED = re.compile(rf"^(?:add|the sum of) (?P<left>{_NUMBER}) (?:and|to|plus) (?P<right>{_NUMBER})$")
_SHARE = re.compile(rf"^(?P<share>{_NUMBER}) ?(?:percent|per cent|%) of (?P<whole>{_NUMBER})$")
_ROOT = re.compile(rf"^(?:the )?square root of (?P<of>{_NUMBER})$")
_ASKED = re.compile(
    r"^(?:hey |please |so |and |can you |could you |tell me |do you know |calculate |compute |solve )*"
    r"(?:what's|what is|what are|what do you get for|how much is|how much are|how much's)? ?(?P<sum>.+?)"
    r"(?: equals?| make| please)*$"
)


def sum_of(question: str) -> str:
    """Return the answer to a question for one sum, share or square root; empty if it is none of them."""
    asked = _ASKED.search(" ".join(question.lower().replace("\u2019", "'").strip(" ?.!=").split()))
    if asked is None:
        return ""
    try:
        if found := _SUM.search(asked["sum"]):
            return _sum(found["left"], _SIGNS[found["sign"]], found["right"])
        if found := _ADDED.search(asked["sum"]):
            return _sum(found["left"], "+", found["right"])
        if found := _SHARE.search(asked["sum"]):
            share, whole = _number(found["share"]), _number(found["whole"])
            return f"{_said(share)} percent of {_said(whole)} is {_said(share * whole / 100)}."
        if found := _ROOT.search(asked["sum"]):
            return _root(_number(found["of"]))
    except ValueError:
        return ""
    return ""


def _sum(left_text: str, sign: str, right_text: str) -> str:
    left, right = _number(left_text), _number(right_text)
    if sign == "/" and not right:
        return "A number cannot be divided by zero."
    result = {"+": left + right, "-": left - right, "*": left * right, "/": left / right if right else left}[sign]
    return f"{_said(left)} {_SPOKEN[sign]} {_said(right)} is {_said(result)}."


def _root(of: Fraction) -> str:
    if of < 0:
        return "A negative number has no square root among the real numbers."
    return f"The square root of {_said(of)} is {_said(Fraction(math.sqrt(of)).limit_denominator(10_000))}."


def _number(text: str) -> Fraction:
    """Return the number that digits or words stand for. Raises ValueError if it is none, or too large."""
    if text.lstrip("-")[:1].isdigit():
        number = Fraction(text.replace(",", ""))
    else:
        number = Fraction(_of_words(re.sub(r"\ban? |\band ", "", text.replace("-", " ")).split()))
    if abs(number) > _MOST:
        raise ValueError(text)
    return number


def _of_words(words: list[str]) -> int:
    total, part = 0, 0
    for word in words:
        if word in _NUMBERS:
            if (part % 10 and _NUMBERS[word] < 10) or (part % 100 >= 10 and _NUMBERS[word] >= 10):
                raise ValueError(word)  # "one two" are two numbers
            part += _NUMBERS[word]
        elif word == "hundred":
            part = (part or 1) * 100
        else:
            total, part = total + (part or 1) * _SCALES[word], 0
    return total + part


def _said(number: Fraction) -> str:
    rounded = round(float(number), 3)
    about = "" if number == Fraction(str(rounded)) else "about "
    return f"{about}{int(rounded) if rounded.is_integer() else rounded}"
