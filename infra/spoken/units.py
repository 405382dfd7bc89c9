"""Units behind numbers in words: `60 km/h`, `5 °C`, `5'11"`."""

import re

from infra.spoken.mapped import MappedText
from infra.spoken.numbers import VULGAR, mixed, number

_NAMES = {
    "km": ("kilometer", "kilometers"),
    "m": ("meter", "meters"),
    "cm": ("centimeter", "centimeters"),
    "mm": ("millimeter", "millimeters"),
    "nm": ("nanometer", "nanometers"),
    "\u00b5m": ("micrometer", "micrometers"),
    "mi": ("mile", "miles"),
    "ft": ("foot", "feet"),
    "yd": ("yard", "yards"),
    "yds": ("yard", "yards"),
    "in.": ("inch", "inches"),
    "inch": ("inch", "inches"),
    "kg": ("kilogram", "kilograms"),
    "g": ("gram", "grams"),
    "mg": ("milligram", "milligrams"),
    "\u00b5g": ("microgram", "micrograms"),
    "mcg": ("microgram", "micrograms"),
    "t": ("ton", "tons"),
    "lb": ("pound", "pounds"),
    "lbs": ("pound", "pounds"),
    "oz": ("ounce", "ounces"),
    "fl oz": ("fluid ounce", "fluid ounces"),
    "l": ("liter", "liters"),
    "L": ("liter", "liters"),
    "ml": ("milliliter", "milliliters"),
    "mL": ("milliliter", "milliliters"),
    "cl": ("centiliter", "centiliters"),
    "dl": ("deciliter", "deciliters"),
    "gal": ("gallon", "gallons"),
    "qt": ("quart", "quarts"),
    "pt": ("pint", "pints"),
    "tsp": ("teaspoon", "teaspoons"),
    "tbsp": ("tablespoon", "tablespoons"),
    "s": ("second", "seconds"),
    "sec": ("second", "seconds"),
    "secs": ("second", "seconds"),
    "ms": ("millisecond", "milliseconds"),
    "\u00b5s": ("microsecond", "microseconds"),
    "ns": ("nanosecond", "nanoseconds"),
    "min": ("minute", "minutes"),
    "mins": ("minute", "minutes"),
    "h": ("hour", "hours"),
    "hr": ("hour", "hours"),
    "hrs": ("hour", "hours"),
    "d": ("day", "days"),
    "yr": ("year", "years"),
    "yrs": ("year", "years"),
    "wk": ("week", "weeks"),
    "wks": ("week", "weeks"),
    "mos": ("month", "months"),
    "B": ("byte", "bytes"),
    "kB": ("kilobyte", "kilobytes"),
    "KB": ("kilobyte", "kilobytes"),
    "MB": ("megabyte", "megabytes"),
    "GB": ("gigabyte", "gigabytes"),
    "TB": ("terabyte", "terabytes"),
    "PB": ("petabyte", "petabytes"),
    "KiB": ("kibibyte", "kibibytes"),
    "MiB": ("mebibyte", "mebibytes"),
    "GiB": ("gibibyte", "gibibytes"),
    "kbps": ("kilobit per second", "kilobits per second"),
    "Kbps": ("kilobit per second", "kilobits per second"),
    "kbit/s": ("kilobit per second", "kilobits per second"),
    "Mbps": ("megabit per second", "megabits per second"),
    "Mbit/s": ("megabit per second", "megabits per second"),
    "Gbps": ("gigabit per second", "gigabits per second"),
    "Gbit/s": ("gigabit per second", "gigabits per second"),
    "Hz": ("hertz", "hertz"),
    "kHz": ("kilohertz", "kilohertz"),
    "MHz": ("megahertz", "megahertz"),
    "GHz": ("gigahertz", "gigahertz"),
    "W": ("watt", "watts"),
    "kW": ("kilowatt", "kilowatts"),
    "MW": ("megawatt", "megawatts"),
    "GW": ("gigawatt", "gigawatts"),
    "kWh": ("kilowatt hour", "kilowatt hours"),
    "Wh": ("watt hour", "watt hours"),
    "MWh": ("megawatt hour", "megawatt hours"),
    "V": ("volt", "volts"),
    "kV": ("kilovolt", "kilovolts"),
    "mV": ("millivolt", "millivolts"),
    "A": ("amp", "amps"),
    "mA": ("milliamp", "milliamps"),
    "mAh": ("milliamp hour", "milliamp hours"),
    "\u03a9": ("ohm", "ohms"),
    "\u2126": ("ohm", "ohms"),
    "k\u03a9": ("kilohm", "kilohms"),
    "J": ("joule", "joules"),
    "kJ": ("kilojoule", "kilojoules"),
    "cal": ("calorie", "calories"),
    "kcal": ("kilocalorie", "kilocalories"),
    "N": ("newton", "newtons"),
    "Pa": ("pascal", "pascals"),
    "kPa": ("kilopascal", "kilopascals"),
    "hPa": ("hectopascal", "hectopascals"),
    "MPa": ("megapascal", "megapascals"),
    "mbar": ("millibar", "millibars"),
    "psi": ("P S I", "P S I"),
    "dB": ("decibel", "decibels"),
    "lm": ("lumen", "lumens"),
    "px": ("pixel", "pixels"),
    "dpi": ("D P I", "D P I"),
    "MP": ("megapixel", "megapixels"),
    "ppm": ("part per million", "parts per million"),
    "ppb": ("part per billion", "parts per billion"),
    "rpm": ("R P M", "R P M"),
    "RPM": ("R P M", "R P M"),
    "bpm": ("beat per minute", "beats per minute"),
    "BPM": ("beat per minute", "beats per minute"),
    "fps": ("frame per second", "frames per second"),
    "FPS": ("frame per second", "frames per second"),
    "mph": ("mile per hour", "miles per hour"),
    "kph": ("kilometer per hour", "kilometers per hour"),
    "kmh": ("kilometer per hour", "kilometers per hour"),
    "km/h": ("kilometer per hour", "kilometers per hour"),
    "mpg": ("mile per gallon", "miles per gallon"),
    "kn": ("knot", "knots"),
    "kt": ("knot", "knots"),
    "ha": ("hectare", "hectares"),
    "ac": ("acre", "acres"),
    "sq ft": ("square foot", "square feet"),
    "sq. ft.": ("square foot", "square feet"),
    "sqft": ("square foot", "square feet"),
    "sq m": ("square meter", "square meters"),
    "sq km": ("square kilometer", "square kilometers"),
    "sq mi": ("square mile", "square miles"),
    "mol": ("mole", "moles"),
    "K": ("kelvin", "kelvin"),
    "%": ("percent", "percent"),
    "\u2030": ("per mille", "per mille"),
    "\u00b0C": ("degree Celsius", "degrees Celsius"),
    "\u2103": ("degree Celsius", "degrees Celsius"),
    "\u00b0F": ("degree Fahrenheit", "degrees Fahrenheit"),
    "\u2109": ("degree Fahrenheit", "degrees Fahrenheit"),
    "\u00b0": ("degree", "degrees"),
}
_NAMES |= {name.replace("\u00b5", "\u03bc"): names for name, names in _NAMES.items() if "\u00b5" in name}
_ONLY_SPACED = frozenset({"K", "B", "MP"})
"""Right behind the digits these are thousands, billions."""
_POWERED = {"2": "square", "\u00b2": "square", "3": "cubic", "\u00b3": "cubic"}
_PER = {
    "s": "second",
    "sec": "second",
    "min": "minute",
    "h": "hour",
    "hr": "hour",
    "hour": "hour",
    "day": "day",
    "d": "day",
    "wk": "week",
    "week": "week",
    "mo": "month",
    "month": "month",
    "yr": "year",
    "year": "year",
    "kg": "kilogram",
    "g": "gram",
    "l": "liter",
    "L": "liter",
    "dL": "deciliter",
    "dl": "deciliter",
    "mL": "milliliter",
    "ml": "milliliter",
    "m": "meter",
    "km": "kilometer",
    "lb": "pound",
    "oz": "ounce",
    "gal": "gallon",
    "person": "person",
    "mol": "mole",
    "in": "inch",
    "ft": "foot",
}
_UNIT = "|".join(sorted(map(re.escape, _NAMES), key=len, reverse=True))
_PER_UNIT = "|".join(sorted(map(re.escape, _PER), key=len, reverse=True))
_AMOUNT = r"(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?|\.\d+"
_BEHIND = r"(?![\w\u00b2\u00b3]|-\w|/\w)"
_DEGREES = re.compile(r"\u00b0\s?(?=[CF]\b)|\u00ba\s?(?=[CF]\b)")
_MEASURE = re.compile(
    rf"(?<![\w.,])(?P<first>{_AMOUNT})(?:\s?(?P<to>[-\u2013\u2014]|to)\s?(?P<last>{_AMOUNT}))?(?P<gap>[\s\u00a0\u202f-]?)"
    rf"(?P<unit>{_UNIT})(?P<power>[\u00b2\u00b3]|(?<=m)[23]|(?<=ft)[23])?"
    rf"(?:/(?P<per>{_PER_UNIT})(?P<per_power>[\u00b2\u00b3]|(?<=[sm])[23])?)?{_BEHIND}(?:(?<=[a-z])\.(?=\s+[a-z]))?"
)
_FEET_INCHES = re.compile(
    r"(?<![\w.,])(\d{1,2})\s?(?:'|\u2019|\u2032|ft\.?)\s?(\d{1,2}(?:\.\d+)?)\s?(?:\"|\u201d|\u2033|''|in\b\.?)"
)
_FEET = re.compile(r"(?<![\w.,'\u2018])(\d+)\s?['\u2019\u2032](?=[\s.,;:!?)]|$)(?!s)")
_INCHES = re.compile(r"(?<![\w.,])(\d+(?:\.\d+)?)\s?[\"\u2033](?=[\s.,;:!?)-]|$)")
_PART = re.compile(
    rf"(?<![\w/.,])(?:(\d+)\s?)??(?:(\d{{1,2}})/(\d{{1,2}})|([{''.join(VULGAR)}]))[\s-]?({_UNIT}|[\"\u2033])(?![\w/])\.?"
)
_SAME_UNIT = re.compile(r"(?<=\d)[%\u00b0]\s?[-\u2013\u2014]\s?(?=\d+(?:\.\d+)?\s?[%\u00b0])")
_SIDES = re.compile(r"(?<=\d[\"'\u2033\u2032])\s?[xX\u00d7]\s?(?=\d)")
_LENGTH_OF = re.compile(
    r"\s(?!(?:tall|long|wide|deep|high|thick|away|apart|from|and|or|of|is|by|in|to|short|across|above|below|on|at|for|it|the|a)\b)[a-z]{3,}"
)
_HOURS_MINUTES = re.compile(r"(?<![\w.,:])(\d{1,3})\s?h(?:rs?)?\s?(\d{1,2})\s?m(?:in)?s?(?:\s?(\d{1,2})\s?s)?(?!\w)")
_MINUTES_SECONDS = re.compile(r"(?<![\w.,:])(\d{1,3})\s?m(?:in)?\s?(\d{1,2})\s?s(?!\w)")
_PERCENT = re.compile(r"(?<=\d)\s?%(?=-?\w)")


def say(text: MappedText) -> None:
    """Make words of measures."""
    text.rewrite(_DEGREES, lambda match: "\u00b0")
    text.rewrite(_SAME_UNIT, lambda match: " to ")
    text.rewrite(_SIDES, lambda match: " by ")
    text.rewrite(_PART, _part)
    text.rewrite(
        _FEET_INCHES, lambda match: f"{_counted(match[1], 'foot', 'feet')} {_counted(match[2], 'inch', 'inches')}"
    )
    text.rewrite(_INCHES, _inches)
    text.rewrite(_FEET, _feet)
    text.rewrite(_HOURS_MINUTES, _hours)
    text.rewrite(
        _MINUTES_SECONDS,
        lambda match: f"{_counted(match[1], 'minute', 'minutes')} {_counted(match[2], 'second', 'seconds')}",
    )
    text.rewrite(_MEASURE, _measure)
    text.rewrite(_PERCENT, lambda match: " percent ")


def _counted(digits: str, one: str, many: str) -> str:
    return f"{number(digits)} {one if digits == '1' else many}"


def _inches(match: "re.Match[str]") -> str | None:
    quotes = re.findall(r'(?<!\d)"', match.string[: match.start()])
    many = "inch" if _LENGTH_OF.match(match.string, match.end()) else "inches"
    return None if len(quotes) % 2 else _counted(match[1], "inch", many)


def _feet(match: "re.Match[str]") -> str | None:
    quotes = match.string[: match.start()]
    return None if re.search(r"(?:^|\s)'", quotes) else _counted(match[1], "foot", "feet")


def _part(match: "re.Match[str]") -> str | None:
    above, below = VULGAR[match[4]] if match[4] else (match[2], match[3])
    one, many = _NAMES.get(match[5], ("inch", "inches"))
    if not below.strip("0") or int(above) >= int(below):
        return None
    return f"{mixed(match[1] or '', above, below)} {many if match[1] else one}"


def _hours(match: "re.Match[str]") -> str:
    seconds = f" {_counted(match[3], 'second', 'seconds')}" if match[3] else ""
    return f"{_counted(match[1], 'hour', 'hours')} {_counted(match[2], 'minute', 'minutes')}{seconds}"


def _measure(match: "re.Match[str]") -> str | None:
    first, last, unit, per = match["first"], match["last"], match["unit"], match["per"]
    gap = match["gap"]
    if (unit in _ONLY_SPACED and gap.strip(" ") != "") or (unit in _ONLY_SPACED and not gap):
        return None
    if gap == "-" and (len(unit) < 2 or match["to"]):
        return None
    if unit in ("s", "t", "A", "m", "g", "h") and gap == "" and not per and len(first) == 4 and unit == "s":
        return None  # the 1990s
    if (
        unit == "in."
        and match.string[match.end() :].strip()
        and not match.string[match.end() :].startswith((" ", ",", ")"))
    ):
        return None
    one, many = _NAMES[unit]
    singular = first == "1" and not last
    name = one if singular or gap == "-" else many
    if power := match["power"]:
        name = f"{_POWERED[power]} {name}"
    if per:
        name += f" per {_PER[per]}" + {"2": " squared", "\u00b2": " squared", "3": " cubed", "\u00b3": " cubed"}.get(
            match["per_power"] or "", ""
        )
    amount = number(first) if not last else f"{number(first)} to {number(last)}"
    behind = "." if unit == "in." and not match.string[match.end() :].strip() else ""
    return f"{amount} {name}{behind}"
