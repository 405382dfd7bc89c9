"""What everybody says to an agent first, with its answer: a small model takes a stranger for a friend. Pure."""

import re
from collections.abc import Sequence

from actors.reasoning.small_model.told import name_told

_HELP = "How can I help you?"
_PROGRAM = "I am a computer program"
_WHO = "I am your voice assistant. We can chat about anything you like."
_NAME = "I am your voice assistant, and I have no other name. What is yours?"
_ABLE = "I can chat with you, tell you the time, and do simple sums. What would you like?"
_ADDRESSED = r"(?:(?:hey|hello|hi|there|good (?:morning|afternoon|evening)|please|okay|so|well|and|oh|but) )*"
_END = r"(?: (?:please|then|now|today|there|assistant|agent|computer|daredevil|so much|very much|a lot))*"


def _whole(*said: str) -> re.Pattern[str]:
    """Return a pattern for one of these as everything that was said, apart from polite words around it."""
    return re.compile(rf"^{_ADDRESSED}(?:{'|'.join(said)}){_END}$")


_KNOWN: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...] = (
    (("good morning",), (f"Good morning! {_HELP}",)),
    (("good evening",), (f"Good evening! {_HELP}",)),
    (("hello", "hi", "hey", "hiya", "howdy", "greetings", "good (?:afternoon|day)"), (f"Hello! {_HELP}",)),
    (
        (
            "how(?: are|'re) (?:you|things)(?: doing| feeling)?",
            "how's it going",
            "how do you do",
            "what's (?:up|going on)",
        ),
        ("I am very well, thank you. And how are you?",),
    ),
    (
        (
            "(?:i'm |i am )?(?:fine|good|very well|well|great|okay|not bad) (?:thanks|thank you)"
            "(?: and you| how are you)?",
        ),
        ("I am glad to hear that. What would you like to talk about?",),
    ),
    (
        (
            "(?:can|do|did) you hear me",
            "are you (?:there|here)",
            "(?:is )?any(?:body|one) (?:there|here)",
            "test(?:ing)?(?: one two(?: three)?)?",
            "is this (?:thing )?(?:working|on)",
        ),
        (f"Yes, I hear you. {_HELP}",),
    ),
    (
        ("(?:it's |it is )?(?:nice|good|great|pleased|glad)(?: to meet| meeting) you(?: too)?",),
        (f"Nice to meet you, too. {_HELP}",),
    ),
    (
        (
            "who(?: are|'re) you(?: exactly)?",
            "what are you",
            "who (?:am i (?:talking|speaking) (?:to|with)|is (?:this|that))",
            "(?:can you )?(?:introduce yourself|tell me (?:something |a little |more )?about yourself)",
        ),
        (_WHO,),
    ),
    (
        (
            "(?:what's|what is|tell me) your name",
            "what are you called",
            "do you have a name",
            "may i (?:ask|have|know) your name",
            "what (?:can|should|do|may) i call you",
        ),
        (_NAME,),
    ),
    (
        (
            "are you (?:really |actually )?(?:an? )?(?:robot|bot|machine|computer|program|ai|chatbot|real(?: person)?)",
            "are you (?:really |actually )?(?:a )?(?:human(?: being)?|person|alive|artificial(?: intelligence)?)",
            "am i (?:talking|speaking) (?:to|with) an? (?:[a-z]+ )?(?:robot|bot|machine|computer|human|person|ai)",
        ),
        (f"{_PROGRAM}, not a person.",),
    ),
    (
        (
            "what (?:else )?(?:can|do) you do(?: for me)?",
            "what can (?:you help me with|i (?:ask|say)(?: you)?|we do|we talk about)",
            "how (?:can|do|could) you help(?: me)?",
            "what are you (?:good )?for",
            "how does this work",
        ),
        (_ABLE,),
    ),
    (
        (
            "who (?:made|created|built|wrote|invented|programmed|trained|owns) you",
            "who(?: is|'s) (?:your (?:maker|creator|owner)|behind (?:this|you))",
            "where (?:do|did) you come from",
        ),
        (f"{_PROGRAM}, made by software developers.",),
    ),
    (
        ("how old are you", "what(?:'s| is) your age", "when (?:were you born|(?:is|'s) your birthday)"),
        (f"{_PROGRAM}, so I have no age.",),
    ),
    (("do you have (?:a |any )?(?:feelings|emotions|friends|family|hobbies)",), (f"{_PROGRAM}, so I have none.",)),
    (("where (?:are you(?: from)?|do you live)",), (f"{_PROGRAM}, so I am wherever it runs.",)),
    (
        (
            "(?:do|don't) you (?:like|love|enjoy|prefer|eat|drink|dream|sleep|feel)(?: .+)?",
            "do you have (?:a |any )?favou?rite .+",
            "what(?:'s| is) your favou?rite .+",
        ),
        (f"{_PROGRAM}, so I have no taste of my own. What about you?",),
    ),
    (
        (
            "(?:can you |could you )?(?:tell|give)(?: me)? (?:a|another|one more|some)(?: good| funny)? jokes?",
            "make me laugh",
            "do you know (?:a|any)(?: good| funny)? jokes?",
        ),
        (
            "Why did the bicycle fall over? It was two tired.",
            "What did one wall say to the other? I will meet you at the corner.",
            "Why do bees have sticky hair? They use a honeycomb.",
            "What do you call a bear without teeth? A gummy bear.",
        ),
    ),
    (
        (
            "(?:can you )?(?:tell me |say )(?:something|anything)(?: interesting| new| funny| cool| else| nice)?",
            "(?:tell me |give me |do you know )?an? (?:interesting |fun )fact",
            "surprise me",
            "i(?:'m| am) bored",
        ),
        (
            "Here is something: an octopus has three hearts.",
            "Here is something: a day on Venus is longer than its year.",
            "Here is something: to a botanist a banana is a berry, and a strawberry is not.",
            "Here is something: light from the sun takes about eight minutes to reach us.",
        ),
    ),
    (
        ("(?:can you |could you )?sing(?: me| us)?(?: a| some| another)?(?: song| something| for me)?",),
        ("I am no singer, but here is a line: twinkle, twinkle, little star, how I wonder what you are.",),
    ),
    (
        (
            "(?:many )?thanks(?: for .+)?",
            "thank you(?: for .+| (?:that|this|it) .+)?",
            "cheers",
            "that's (?:perfect|helpful|very kind)",
        ),
        ("You are welcome.",),
    ),
    (
        (
            "(?:good ?)?bye(?: ?bye)?",
            "see you(?: later| soon| tomorrow)?",
            "good ?night",
            "take care",
            "have a (?:nice|good) (?:day|evening|one)",
            "i have to go",
            "talk to you later",
        ),
        ("Goodbye, and take care.",),
    ),
    (
        (
            "(?:you are|you're|you)(?: so| such| really| just| very| an?)* (?:stupid|dumb|idiot|useless|moron|fool)",
            "(?:you are|you're)(?: so| such| really| just| very)* (?:bad|terrible|awful|annoying|boring|rubbish)",
            "i (?:really )?hate (?:you|this)",
            "you suck",
            "(?:fuck|screw) (?:you|off)",
            "this is (?:stupid|rubbish|shit|terrible|useless)",
        ),
        ("I am sorry that I was of so little help. I will try to do better.",),
    ),
    (
        ("shut up", "(?:be )?quiet", "stop(?: it| talking)?", "silence", "leave me alone", "go away"),
        ("All right. I am here when you need me.",),
    ),
    (
        (
            "i (?:really )?(?:love|like) you",
            "will you marry me",
            "you(?: are|'re) (?:so |very )?(?:nice|great|cool|funny|smart|kind|the best)",
        ),
        ("That is kind of you. I am only a program, but I am glad that we talk.",),
    ),
    (
        ("(?:can you |could you |i need (?:your |some )?)?help(?: me)?(?: with something)?",),
        ("Of course. What do you need help with?",),
    ),
)
"""What is said as a whole, and what is answered: the first that was not said in this conversation."""
_ANSWERS = tuple((_whole(*said), answers) for said, answers in _KNOWN)

_BARE = re.compile(
    r"^(?:(?:yes|yeah|yep|yup|sure|no|nope|nah|okay|ok|right|well|hm+|uh|um|so|maybe|really|nothing) ?)+$"
)
_DECLINED = _whole(
    "(?:no|nope|nothing)(?: (?:thanks|thank you|more|else|that's (?:all|it)))*", "that's (?:all|it)", "never mind"
)
_AGREED = _whole("okay", "ok", "all ?right", "i see", "got it", "right", "fine", "good", "great", "cool")
_ANOTHER = _whole("(?:tell me )?(?:another|one more)(?: one)?", "(?:do you (?:have|know) )?more", "next")
_AGAIN = _whole(
    "what",
    "pardon(?: me)?",
    "sorry",
    "excuse me",
    "huh",
    "(?:can you |could you )?(?:say|repeat) (?:that|it)(?: again)?",
    "come again",
    "what did you (?:just )?say",
    "once more",
    "again",
)


def small_talk(words: str, spoken: str, answers: Sequence[str], introduction: str = "") -> str:
    """Return what to say to plain `words` that everybody says, empty if they are none of these.

    `spoken` are the same words as they came, `answers` what the agent has said so far in this conversation. With an
    `introduction` it is an agent of somebody's own, which says that of itself.
    """
    said = _said(words, spoken, answers)
    if introduction and said in (_WHO, _ABLE):
        return f"{introduction} {_HELP}"
    return f"{introduction} I have no name of my own." if introduction and said == _NAME else said


def _said(words: str, spoken: str, answers: Sequence[str]) -> str:
    if _AGAIN.search(words):
        return f"I said: {answers[-1]}" if answers else f"I have not said anything yet. {_HELP}"
    if answers and _ANOTHER.search(words):
        told = next((known for _, known in _ANSWERS if len(known) > 1 and answers[-1] in known), ())
        return next((answer for answer in told if answer not in answers), "")
    if not answers and _BARE.search(words):
        return "What would you like to talk about?"
    for pattern, known in _ANSWERS:
        if pattern.search(words):
            return next((answer for answer in known if answer not in answers), known[-1])
    if name := name_told(spoken):
        return f"Nice to meet you, {name}. {_HELP}"
    if answers and _DECLINED.search(words):
        return "All right. I am here if you need anything."
    return "All right. Is there anything else?" if answers and _AGREED.search(words) else ""
