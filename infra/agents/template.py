"""Instructions and greetings with variables: `You take bookings for {restaurant}. Today is {today}.` Pure."""

import string
from collections.abc import Mapping
from datetime import datetime

from infra.agents.errors import BadAgent, UnknownVariable

BUILT_IN = ("today", "now", "user")
"""Variables that every template may use: the date and the time where the caller is, and who the user is."""


def names_in(template: str) -> tuple[str, ...]:
    """Return the variables of a template, each once, in order. Raises BadAgent; `{{` and `}}` are braces."""
    names: dict[str, None] = {}
    try:
        for _, name, spec, conversion in string.Formatter().parse(template):
            if name is None:
                continue
            if not name.isidentifier() or spec or conversion:
                raise ValueError(f"{{{name}}} is no variable")
            names[name] = None
    except ValueError as error:
        raise BadAgent(f"the template cannot be read: {error}; write {{{{ and }}}} for braces") from error
    return tuple(names)


def missing_in(template: str, variables: Mapping[str, str]) -> tuple[str, ...]:
    """Return the variables that nobody gives. Raises BadAgent."""
    return tuple(name for name in names_in(template) if name not in variables and name not in BUILT_IN)


def rendered(template: str, variables: Mapping[str, str], now: datetime, user: str = "") -> str:
    """Return the text of a template; a variable of its own may be named as one that is built in.

    `now` is the time where the caller is. Raises UnknownVariable, and BadAgent.
    """
    if missing := missing_in(template, variables):
        raise UnknownVariable(missing)
    return template.format_map({**_built_in(now, user), **variables})


def _built_in(now: datetime, user: str) -> dict[str, str]:
    return {"today": f"{now:%A}, {now:%B} {now.day}, {now.year}", "now": f"{now:%H:%M}", "user": user}
