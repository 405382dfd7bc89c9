"""The clock is asked for a model too small to call tools, and its answer is worded for it. Pure."""

import json
import re
from collections.abc import Mapping, Sequence

from actors.reasoning.tools import CURRENT_TIME
from actors.reasoning.written_calls import WrittenCall

CLOCK_CALL = "clock"
"""Names the call of the clock that the model did not write itself."""

_TIME_QUESTION = re.compile(
    r"\b(?:what(?:'s| is) the (?:current |exact |local )?time|what time is it|what time it is|time is it"
    r"|(?:tell|give) me the (?:current |exact )?time|(?:have|got|know) the time|current time"
    r"|(?:what|which) (?:day|date|year|month) (?:is (?:it|today|this)|do we have)"
    r"|^is it (?:monday|tuesday|wednesday|thursday|friday|saturday|sunday)"
    r"|what(?:'s| is) (?:the date|today's date|the day|the year))\b"
)
_PLACE = re.compile(r"\b(?:in|at) (?P<place>[a-z][a-z' /_,]+?)(?: (?:right )?now| today| please| at the moment)*$")


def clock_call(question: str) -> WrittenCall | None:
    """Return the call of the clock that answers the question, None if it does not ask for the time or date."""
    arguments = time_question(question)
    return WrittenCall(CLOCK_CALL, CURRENT_TIME.name, "", arguments) if arguments is not None else None


def time_question(text: str) -> dict[str, object] | None:
    """Return the arguments for `current_time` if the text asks for the time or date, else None."""
    words = " ".join(re.sub(r"[^\w'/, ]", " ", text.lower().replace("\u2019", "'")).split())
    if len(words) > 120 or not (found := _TIME_QUESTION.search(words)):
        return None
    place = _PLACE.search(words[found.end() :])
    return {"time_zone": place["place"].strip(" ,") if place and "moment" not in place["place"] else ""}


def time_answer(question: str, result: str) -> str:
    """Return what to say after `current_time` has returned `result`, which may be the text of an error."""
    try:
        known = json.loads(result)
        is_date = re.search(r"(?:\b|[a-z])day\b|\b(?:date|year|month)\b", question.lower()) is not None
        told = [_told(each, is_date) for each in known.get("places", [known])]
        missing = [place.title() for place in known.get("not_known", [])]
        also = f" I do not know the time in {_listed(missing, 'or')}." if missing else ""
        return f"It is {_listed(told, 'and')}.{also}"
    except (ValueError, KeyError, TypeError, AttributeError, IndexError):
        return "I am sorry, I do not know the time there."


def _listed(parts: Sequence[str], last: str) -> str:
    return f"{', '.join(parts[:-1])} {last} {parts[-1]}" if len(parts) > 1 else parts[0]


def _told(known: Mapping[str, str], is_date: bool) -> str:
    place = f" in {known['place'].title()}" if known["place"] else ""
    zone = f" {known['zone']}" if known.get("zone") and not is_date else ""
    return f"{known['date' if is_date else 'time']}{place}{zone}"
