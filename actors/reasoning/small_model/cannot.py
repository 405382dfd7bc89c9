"""What an agent that has only the conversation cannot know or do: a small model would invent it. Pure."""

import re

NO_CONNECTION = "I have no connection to the internet."
ONLY_TALK = "I can only talk with you."

_POLITE = r"^(?:(?:please|now|then|okay|hey|can you|could you|would you|will you|i want you to|i'd like you to|just) )*"
_WISH = (
    r"^(?:(?:please|hello|hi|hey|can you|could you|would you|will you|can i|could i|may i|i want to|i'd like to"
    r"|i would like to|i need to|let's|help me) )*"
)
_RECENT = r"(?:today|tonight|yesterday|last night|this (?:week|weekend|morning|year|season)|right now|currently|lately)"

_UNKNOWN: tuple[tuple[re.Pattern[str], str], ...] = (
    (
        re.compile(
            r"\b(?:the weather|weather (?:like|today|tomorrow|forecast|in|for|this|right now)|the forecast)\b"
            r"|\bthe temperature (?:outside|today|tomorrow|in|right now)\b|\bhow (?:hot|cold|warm) is it\b"
            r"|\b(?:will|is|does|did) it (?:be |going to |gonna |still )*"
            r"(?:rain|snow|storm|freeze|sunny|cloudy|windy|hot|cold|warm|raining|snowing)(?:ing)?\b"
            r"|\bneed (?:an umbrella|a coat|a jacket)\b"
        ),
        "I am sorry, I do not know the weather.",
    ),
    (
        re.compile(
            r"\b(?:the|any|latest|today's|recent) (?:news|headlines)\b|\bnews today\b"
            rf"|\bwhat(?:'s| is)? happen(?:ed|ing) (?:in the world|{_RECENT})"
        ),
        "I am sorry, I do not know the news.",
    ),
    (
        re.compile(
            rf"\bwho (?:won|is winning|plays|played|scored)\b.*\b(?:game|match|race|final|election|{_RECENT})$"
            rf"|\bwho (?:won|is winning|plays|played|scored)\b.*\b{_RECENT}\b|\b(?:the|final) score\b"
        ),
        "I am sorry, I do not know recent results.",
    ),
    (
        re.compile(
            r"\b(?:the )?(?:share |stock |current )?price of\b|\bstocks?(?: market)?\b|\bexchange rate\b"
            r"|\bhow much (?:does|do|is|are|did) .+ (?:cost|costs|worth)\b|\bhow much is (?:a |the )?bitcoin\b"
        ),
        "I am sorry, I do not know prices.",
    ),
    (
        re.compile(
            r"\b(?:what time|when) (?:does|do|is|will) .+ (?:open|close|leave|arrive|depart|start|begin)\b"
            r"|\b(?:nearest|closest)\b|\bnear (?:me|here|by)\b|\bnearby\b|\bthe traffic\b"
            r"|\bmy (?:flight|train|order|account)\b"
            r"|\bnext (?:train|bus|flight|plane|tram|ferry)\b|\bon (?:tv|television)\b"
        ),
        "I am sorry, I cannot look that up.",
    ),
)

_IMPOSSIBLE: tuple[tuple[re.Pattern[str], str], ...] = (
    (
        re.compile(rf"{_WISH}(?:book|reserve|rebook)\b|{_WISH}make an? (?:reservation|booking|appointment)\b"),
        "book anything",
    ),
    (re.compile(rf"{_WISH}(?:order|buy|purchase|pay|transfer)\b"), "order or pay for anything"),
    (re.compile(rf"{_POLITE}(?:call|phone|ring|dial)\b(?! me\b)|{_POLITE}make a (?:phone )?call\b"), "make calls"),
    (re.compile(rf"{_POLITE}(?:text|email|e mail|message|send)\b"), "send anything"),
    (re.compile(rf"{_POLITE}(?:play|put on)\b(?! (?:a game|with)\b)"), "play music or films"),
    (
        re.compile(
            rf"{_POLITE}(?:set|start|create|add|schedule)\b.*\b(?:timer|alarm|reminder|clock|calendar|meeting)\b"
        ),
        "set timers or reminders",
    ),
    (re.compile(rf"{_POLITE}(?:remind me|wake me)\b"), "set timers or reminders"),
    (
        re.compile(
            rf"{_POLITE}(?:turn|switch) (?:on|off|up|down)\b|{_POLITE}(?:turn|switch) .+ (?:on|off|up|down)$"
            rf"|{_POLITE}(?:dim|lock|unlock|open|close) the\b"
        ),
        "switch anything on or off",
    ),
    (
        re.compile(rf"{_POLITE}(?:put|add|write) .+ (?:on|to|in) (?:my|the|our) .*(?:list|calendar|notes?)\b"),
        "keep lists",
    ),
    (re.compile(rf"{_POLITE}show me (?:an?|the|some) .*(?:picture|photo|image|map|video)s?\b"), "show anything"),
    (re.compile(rf"{_POLITE}(?:google|search|look up|navigate|browse)\b"), "look anything up"),
)
_ASKS_FOR_KNOWLEDGE = re.compile(
    r"^(?:(?:and|so|hey|hello|hi|please|okay) )*"
    r"(?:what|how|who|when|where|which|is|are|will|does|do|did|can|could|tell|give|any|check|show|read|look)\b"
)


def cannot(words: str) -> str:
    """Return what to say to plain words that ask for what cannot be known or done; empty if they do not."""
    if _ASKS_FOR_KNOWLEDGE.search(words):
        for pattern, answer in _UNKNOWN:
            if pattern.search(words):
                return f"{answer} {NO_CONNECTION}"
    for pattern, deed in _IMPOSSIBLE:
        if pattern.search(words):
            return f"I am sorry, I cannot {deed}. {ONLY_TALK}"
    return ""
