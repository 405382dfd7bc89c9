"""How an agent of one's own says who it is, where the model is too small to read that from its instructions. Pure."""

import re

_FIRST = re.compile(r"\s*You\s+(?P<does>[^.!?\n]+[.!?])")
_MOST_CHARS = 160
_SWAPPED = {"you": "I", "your": "my", "yours": "mine", "yourself": "myself"}


def introduction(name: str, instructions: str) -> str:
    """Return what the agent says of itself: the first sentence of its instructions, if that tells it what it is.

    `You take bookings for Luna.` becomes `I take bookings for Luna.`
    """
    found = _FIRST.match(instructions)
    if found is None or len(found["does"]) > _MOST_CHARS:
        return f"I am the {' '.join(re.split('[-_]+', name)).strip()} assistant."
    does = re.sub(r"^are\b", "am", found["does"])
    words = [_SWAPPED.get(word.lower(), word) for word in re.split(r"(\W+)", does)]
    return f"I {''.join(words)}"
