"""Amounts of money in words."""

import re

from infra.spoken.attributive import is_attributive
from infra.spoken.mapped import MappedText
from infra.spoken.numbers import cardinal, number

_CURRENCIES = {
    "$": ("dollar", "dollars", "cent", "cents"),
    "US$": ("US dollar", "US dollars", "cent", "cents"),
    "A$": ("Australian dollar", "Australian dollars", "cent", "cents"),
    "AU$": ("Australian dollar", "Australian dollars", "cent", "cents"),
    "C$": ("Canadian dollar", "Canadian dollars", "cent", "cents"),
    "CA$": ("Canadian dollar", "Canadian dollars", "cent", "cents"),
    "NZ$": ("New Zealand dollar", "New Zealand dollars", "cent", "cents"),
    "HK$": ("Hong Kong dollar", "Hong Kong dollars", "cent", "cents"),
    "S$": ("Singapore dollar", "Singapore dollars", "cent", "cents"),
    "R$": ("real", "reais", "centavo", "centavos"),
    "\u20ac": ("euro", "euros", "cent", "cents"),
    "\u00a3": ("pound", "pounds", "penny", "pence"),
    "\u00a5": ("yen", "yen", "sen", "sen"),
    "Rs.": ("rupee", "rupees", "paisa", "paise"),
    "Rs": ("rupee", "rupees", "paisa", "paise"),
    "\u20b9": ("rupee", "rupees", "paisa", "paise"),
    "\u20a9": ("won", "won", "jeon", "jeon"),
    "\u20bd": ("ruble", "rubles", "kopeck", "kopecks"),
    "\u20aa": ("shekel", "shekels", "agora", "agorot"),
    "\u20ba": ("lira", "liras", "kurus", "kurus"),
    "\u20b4": ("hryvnia", "hryvnias", "kopiyka", "kopiykas"),
    "\u0e3f": ("baht", "baht", "satang", "satang"),
    "\u20ab": ("dong", "dong", "xu", "xu"),
    "\u20bf": ("bitcoin", "bitcoins", "bitcoin", "bitcoins"),
    "USD": ("US dollar", "US dollars", "cent", "cents"),
    "CAD": ("Canadian dollar", "Canadian dollars", "cent", "cents"),
    "AUD": ("Australian dollar", "Australian dollars", "cent", "cents"),
    "EUR": ("euro", "euros", "cent", "cents"),
    "GBP": ("pound", "pounds", "penny", "pence"),
    "JPY": ("yen", "yen", "sen", "sen"),
    "CHF": ("Swiss franc", "Swiss francs", "centime", "centimes"),
    "INR": ("rupee", "rupees", "paisa", "paise"),
    "CNY": ("yuan", "yuan", "fen", "fen"),
    "RMB": ("yuan", "yuan", "fen", "fen"),
    "SEK": ("Swedish krona", "Swedish kronor", "ore", "ore"),
    "NOK": ("Norwegian krone", "Norwegian kroner", "ore", "ore"),
    "DKK": ("Danish krone", "Danish kroner", "ore", "ore"),
    "PLN": ("zloty", "zlotys", "grosz", "groszy"),
    "MXN": ("Mexican peso", "Mexican pesos", "centavo", "centavos"),
    "BRL": ("real", "reais", "centavo", "centavos"),
    "ZAR": ("rand", "rand", "cent", "cents"),
    "NZD": ("New Zealand dollar", "New Zealand dollars", "cent", "cents"),
    "HKD": ("Hong Kong dollar", "Hong Kong dollars", "cent", "cents"),
    "SGD": ("Singapore dollar", "Singapore dollars", "cent", "cents"),
    "KRW": ("won", "won", "jeon", "jeon"),
    "THB": ("baht", "baht", "satang", "satang"),
    "TRY": ("lira", "liras", "kurus", "kurus"),
    "RUB": ("ruble", "rubles", "kopeck", "kopecks"),
    "ILS": ("shekel", "shekels", "agora", "agorot"),
    "UAH": ("hryvnia", "hryvnias", "kopiyka", "kopiykas"),
    "CZK": ("Czech koruna", "Czech korunas", "haler", "halers"),
    "HUF": ("forint", "forints", "filler", "filler"),
    "AED": ("dirham", "dirhams", "fils", "fils"),
    "BTC": ("bitcoin", "bitcoins", "bitcoin", "bitcoins"),
    "ETH": ("ether", "ether", "ether", "ether"),
    "kr": ("krone", "kroner", "ore", "ore"),
    "kr.": ("krone", "kroner", "ore", "ore"),
    "zł": ("zloty", "zlotys", "grosz", "groszy"),
    "Kč": ("Czech koruna", "Czech korunas", "haler", "halers"),
    "NT$": ("Taiwan dollar", "Taiwan dollars", "cent", "cents"),
    "MX$": ("Mexican peso", "Mexican pesos", "centavo", "centavos"),
    "₱": ("peso", "pesos", "centavo", "centavos"),
    "₦": ("naira", "naira", "kobo", "kobo"),
}
_SCALES = {
    "k": "thousand",
    "thousand": "thousand",
    "m": "million",
    "mn": "million",
    "mm": "million",
    "mil": "million",
    "million": "million",
    "b": "billion",
    "bn": "billion",
    "billion": "billion",
    "t": "trillion",
    "tn": "trillion",
    "trillion": "trillion",
    "lakh": "lakh",
    "lakhs": "lakh",
    "crore": "crore",
    "crores": "crore",
    "cr": "crore",
}
_SIGN = "|".join(sorted(map(re.escape, _CURRENCIES), key=len, reverse=True))
_AMOUNT = r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?|\.\d+"
_SCALE = r"(?:\s?(k|K|M|mn|MM|B|bn|T|tn|m|b)(?![\w])|[\s-](thousand|million|billion|trillion|lakhs?|crores?)\b)"
_NO_CENTS = re.compile(r"(?<=\d)([,.][-\u2013\u2014]+)(?!\d)")
_DECIMAL_COMMA = re.compile(
    rf"((?<!\w)(?:{_SIGN})\s?\d+),(\d\d)(?![\d,])|(?<![\w.,])(\d+),(\d\d)(?=\s?(?:{_SIGN})(?!\w))"
)
_EURO_THOUSANDS = re.compile(
    r"((?:\u20ac|EUR|kr\.?)\s?\d{1,3}(?:\.\d{3})+(?![\d,]))|(?<![\w.,])(\d{1,3}(?:\.\d{3})+(?=\s?(?:\u20ac|EUR\b)))"
)
_RANGE = re.compile(
    rf"(?<!\w)(?P<sign>{_SIGN})\s?(?P<first>{_AMOUNT}){_SCALE}?\s?(?:-|\u2013"
    rf"|\u2014)\s?(?:{_SIGN})?(?P<last>{_AMOUNT}){_SCALE}?(?![\w]|[.,]\d)"
)
_BEFORE = re.compile(rf"(?<!\w)(?P<sign>{_SIGN})\s?(?P<amount>{_AMOUNT}){_SCALE}?(?![\d]|[.,]\d)")
_RANGE_AFTER = re.compile(
    rf"(?<![\w.,-])(?P<first>{_AMOUNT})\s?[-\u2013]\s?(?P<last>{_AMOUNT})\s?(?P<sign>{_SIGN})(?!\w)"
)
_AFTER = re.compile(rf"(?<![\w.,])(?P<amount>{_AMOUNT}){_SCALE}?\s?(?P<sign>{_SIGN})(?!\w)")
_CENTS = re.compile(r"(?<![\w.,])(\d+(?:\.\d+)?)\s?\u00a2")
_PENCE = re.compile(r"(?<![\w.,])(\d{1,2})p(?!\w)")


def say(text: MappedText) -> None:
    """Turn amounts into words."""
    if not re.search(rf"{_SIGN}|\u00a2|\dp\b", text.text):
        return
    text.rewrite(_NO_CENTS, lambda match: "")
    text.rewrite(_DECIMAL_COMMA, lambda match: f"{match[1] or match[3]}.{match[2] or match[4]}")
    text.rewrite(_EURO_THOUSANDS, lambda match: match.group().replace(".", "").replace("kr", "kr "))
    text.rewrite(_RANGE, _range)
    text.rewrite(_RANGE_AFTER, _range)
    text.rewrite(_BEFORE, lambda match: _amount(match, match[3] or match[4]))
    text.rewrite(_AFTER, lambda match: _amount(match, match[2] or match[3]))
    text.rewrite(_CENTS, lambda match: f"{number(match[1])} {'cent' if match[1] == '1' else 'cents'}")
    if "\u00a3" in text.text or re.search(r"pound|pence", text.text):
        text.rewrite(_PENCE, lambda match: f"{cardinal(match[1])} {'penny' if match[1] == '1' else 'pence'}")


def _amount(match: "re.Match[str]", scale: str | None) -> str:
    return amount(match["sign"], match["amount"], scale, is_attributive(match))


def amount(sign: str, digits: str, scale: str | None, attributive: bool = False) -> str:
    """Return an amount in words: `$12.75` is "twelve dollars and seventy-five cents", before a noun "dollar"."""
    one, many, small_one, small_many = _CURRENCIES[sign]
    if attributive:
        many, small_many = one, small_one
    whole, _, decimals = digits.partition(".")
    if scale:
        return f"{number(digits)} {_SCALES[scale.lower()]} {many}"
    if len(decimals) > 2 or (decimals and small_one == one):
        return f"{number(digits)} {many}"
    cents = int(decimals.ljust(2, "0")) if decimals else 0
    units = f"{cardinal(whole)} {one if whole == '1' else many}" if whole.strip("0,") or not cents else ""
    small = f"{cardinal(str(cents))} {small_one if cents == 1 else small_many}" if cents else ""
    return " and ".join(filter(None, (units, small)))


def _range(match: "re.Match[str]") -> str:
    scales = [group for group in match.groups() if group in _SCALES or (group or "").lower() in _SCALES]
    last = scales[-1] if scales else None
    if "." in match["first"] and not last:
        return f"{amount(match['sign'], match['first'], None)} to {amount(match['sign'], match['last'], None)}"
    first_scale = f" {_SCALES[scales[0].lower()]}" if len(scales) > 1 and scales[0].lower() != scales[1].lower() else ""
    return f"{number(match['first'])}{first_scale} to {amount(match['sign'], match['last'], last)}"
