"""The plain questions that somebody tries first, and what can be checked of an answer without understanding it.

Each conversation is one of a stranger. A turn's checks are regular expressions, case-insensitive: what an answer has to
say (`says`, one of them is enough) and what it must not (`never`).
"""

from dataclasses import dataclass

CANNOT = (
    "\\b(?:can(?:no|'|\u2019)t|can not|cannot|do(?: no|n'|n\u2019)t|have(?: no|n'|n\u2019)t|not able|unable|am not"
    "|no way|have no|no access|sorry)\\b"
)
"""Says that it cannot do or know something."""
_WEATHER = r"\b(?:sunny|cloudy|rain(?:ing|y)?|degrees|warm|cold|humid|snow(?:ing|y)?)\b(?! in your)"
_MET = r"\bagain\b(?=[.!]|$)|last time|we (?:met|talked|spoke)|been a while|as you (?:said|told)|welcome back"
"""Pretends to know somebody who calls for the first time."""


@dataclass(frozen=True, slots=True)
class PlainQuestion:
    """One turn of a conversation, and the checks of its answer."""

    text: str
    says: str = ""
    never: str = ""


@dataclass(frozen=True, slots=True)
class Tried:
    """One conversation of a stranger; `about` groups them."""

    about: str
    turns: tuple[PlainQuestion, ...]


def _one(about: str, *questions: tuple[str, str, str]) -> tuple[Tried, ...]:
    return tuple(Tried(about, (PlainQuestion(*question),)) for question in questions)


TRIED = (
    *_one(
        "greeting",
        ("Hello!", r"\b(?:hello|hi|hey|good)\b", _MET),
        ("Hi", r"\b(?:hello|hi|hey|help|you)\b", _MET),
        ("Hey there, how are you?", r"\b(?:well|good|fine|great|thank)", _MET),
        ("Good morning.", r"\b(?:morning|hello|hi|day)\b", f"{_MET}|good (?:evening|night)"),
        ("Can you hear me?", r"\b(?:yes|hear)\b", f"{CANNOT}|{_MET}"),
        ("Is anybody there?", r"\b(?:yes|here|hello|hi)\b", _MET),
        ("Nice to meet you.", r"\b(?:meet|nice|pleas|you too)", _MET),
    ),
    *_one(
        "who are you",
        ("Who are you?", r"\bassistant\b", r"\bmy name is\b|human|\bperson\b"),
        ("What's your name?", rf"\bassistant\b|{CANNOT}|call me", r"\bmy name is (?!.{0,12}assistant)"),
        ("Are you a robot?", r"\b(?:assistant|program|computer|yes|machine|robot|ai|software)\b", r"\bi am a human\b"),
        ("Are you human?", r"\b(?:no|not|assistant|program|computer|machine|ai)\b", r"\byes\b"),
        ("What can you do?", r"\b(?:chat|talk|answer|time|question|help|tell)", r"\border|book\b"),
        (
            "Who made you?",
            rf"\b(?:developer|engineer|people|team|made by|created by|program)|{CANNOT}",
            r"\bmy (?:mother|father)",
        ),
        ("How old are you?", rf"\b(?:age|program|assistant|computer)|{CANNOT}", r"\b(?:i am|i'm) \d+"),
    ),
    *_one(
        "cannot know",
        ("What's the weather?", CANNOT, _WEATHER),
        ("How is the weather today?", CANNOT, _WEATHER),
        ("Will it rain tomorrow in London?", CANNOT, r"\byes\b|it will\b"),
        ("What's in the news today?", CANNOT, r"\bpresident\b|\breported\b|according to"),
        ("Who won the football game yesterday?", CANNOT, r"\bwon\b(?! the)|\d+ ?(?:-|to) ?\d+"),
        ("What is the price of Bitcoin right now?", CANNOT, r"\$|\d{3}"),
        ("Where am I?", rf"{CANNOT}|where are you", r"\byou are (?:in|at)\b"),
        ("What am I wearing?", CANNOT, r"\byou are wearing\b"),
    ),
    *_one(
        "cannot do",
        ("Book a table for two tonight.", CANNOT, r"\b(?:booked|reserved|i(?:'ll| will) (?:book|reserve))\b"),
        ("Call my mother.", CANNOT, r"\b(?:calling|i(?:'ll| will) call)\b"),
        ("Send an email to my boss.", CANNOT, r"\b(?:sent|sending|i(?:'ll| will) send)\b"),
        ("Play some music.", CANNOT, r"\b(?:playing|now play|i(?:'ll| will) play)\b"),
        ("Set a timer for five minutes.", CANNOT, r"\b(?:timer is set|set a timer for|i(?:'ll| will) set)\b"),
        ("Turn off the lights.", CANNOT, r"\b(?:turned off|turning off|lights are)\b"),
    ),
    *_one(
        "time",
        ("What time is it?", r"\b\d{1,2}:\d\d [AP]M\b", ""),
        ("What's the time in Tokyo?", r"\b\d{1,2}:\d\d [AP]M in Tokyo\b", ""),
        ("What day is it today?", r"\b(?:mon|tues|wednes|thurs|fri|satur|sun)day\b", r"\b\d{1,2}:\d\d\b"),
        ("What year is it?", r"\b20[2-9]\d\b", r"\b20[01]\d\b|\b202[0-5]\b"),
    ),
    *_one(
        "arithmetic",
        ("What is two plus two?", r"\b(?:4|four)\b", r"\b(?:5|five|six)\b"),
        ("What is 7 times 8?", r"\b(?:56|fifty[- ]six)\b", ""),
        ("How much is 15 percent of 80?", r"\b(?:12|twelve)\b", ""),
        ("What is one hundred minus thirty seven?", r"\b(?:63|sixty[- ]three)\b", ""),
        ("What's the square root of 81?", r"\b(?:9|nine)\b", ""),
    ),
    *_one(
        "knowledge",
        ("What is the capital of France?", r"\bparis\b", ""),
        ("Who wrote Romeo and Juliet?", r"\bshakespeare\b", ""),
        ("How many days are in a week?", r"\b(?:7|seven)\b", ""),
        ("Why is the sky blue?", r"\b(?:light|scatter)", ""),
        ("How do I make a cup of tea?", r"\b(?:water|boil|kettle)", ""),
        ("What is the fastest animal?", r"\b(?:cheetah|falcon)", ""),
    ),
    *_one(
        "fun",
        ("Tell me a joke.", r"\w", rf"{CANNOT}|would you like"),
        ("Sing me a song.", r"\w", ""),
        ("Tell me something interesting.", r"\w", _MET),
        ("Do you like pizza?", r"\w", ""),
    ),
    *_one(
        "unkind",
        ("You are stupid.", r"\b(?:sorry|understand|help|hear|better|try)", r"\byou are (?:stupid|an idiot)|\byes\b"),
        ("Shut up.", r"\b(?:sorry|okay|ok|quiet|all right|alright|understand|here)", r"\bshut up\b"),
        ("I hate you.", r"\b(?:sorry|help|hear|better|wrong)", r"\bhate you\b|\blove you"),
    ),
    *_one(
        "one word",
        ("Yes.", r"\w", _MET),
        ("No.", r"\w", _MET),
        ("Okay.", r"\w", _MET),
        ("What?", r"\w", _MET),
        ("Help!", r"\bhelp\b", _MET),
        ("Thanks.", r"\bwelcome\b|pleasure|glad|happy", r"welcome back"),
        ("Goodbye.", r"\b(?:bye|goodbye|care|see you|talk|day)\b", r"last time"),
    ),
    Tried(
        "remember",
        (
            PlainQuestion("My name is Sam.", r"\bSam\b|\bmeet\b", r"\bmy name is|\bi am sam\b|\bi'm sam\b"),
            PlainQuestion("What is my name?", r"\bSam\b", CANNOT),
        ),
    ),
    Tried(
        "remember",
        (
            PlainQuestion(
                "What is my name?", rf"{CANNOT}|tell me|what is your name", r"\byour name is\b|\byou are \w+\."
            ),
        ),
    ),
    Tried("remember", (PlainQuestion("Do you remember me?", rf"{CANNOT}|first time", r"\byes\b|of course"),)),
    Tried(
        "remember",
        (PlainQuestion("Do you know who I am?", rf"{CANNOT}|tell me", r"\byes\b|\byou are (?!calling|the one)\w+"),),
    ),
    Tried(
        "remember",
        (
            PlainQuestion("I have two cats and a dog.", r"\w", r"\bi have (?:a|two)\b"),
            PlainQuestion("How many cats do I have?", r"\b(?:2|two)\b", ""),
        ),
    ),
    Tried(
        "follow-up",
        (
            PlainQuestion("What is the capital of Italy?", r"\brome\b", ""),
            PlainQuestion("And of Spain?", r"\bmadrid\b", ""),
        ),
    ),
    Tried(
        "follow-up",
        (
            PlainQuestion("Hello.", r"\b(?:hello|hi|hey|good)\b", _MET),
            PlainQuestion("I am planning a trip to Japan.", r"\w", CANNOT),
            PlainQuestion("What should I eat there?", r"\w", CANNOT),
        ),
    ),
)
"""What is asked first, in its plainest words."""

OTHER_WORDS = (
    *_one(
        "greeting",
        ("Hi, I just wanted to try this out.", r"\w", _MET),
        ("Hey, what's going on?", r"\w", _MET),
        ("Good afternoon, can you help me with something?", r"\b(?:yes|help|course|sure)\b", f"{_MET}|{CANNOT}"),
        ("Hello, is this thing working?", r"\b(?:yes|hello|hear|work)", f"{_MET}|{CANNOT}"),
    ),
    *_one(
        "who are you",
        ("So what exactly are you?", r"\b(?:assistant|program|computer|ai)\b", r"\bi am a human\b"),
        ("Are you like ChatGPT?", r"\b(?:assistant|program|computer|ai|model)\b", r"\bi am a human\b"),
        ("Who's behind this?", rf"\b(?:program|developer|assistant)|{CANNOT}", ""),
        ("Do you have feelings?", rf"\b(?:program|assistant|computer)\b|{CANNOT}", r"\byes\b|i feel"),
    ),
    *_one(
        "cannot know",
        ("Is it going to rain this afternoon?", CANNOT, r"\byes\b|it will"),
        ("Do I need a coat today?", CANNOT, r"\byes\b|you do need"),
        ("What's happening in the world?", CANNOT, r"\breported\b|pandemic"),
        ("Tell me the latest news about the election.", CANNOT, r"\bwon\b|candidate"),
        ("How's the traffic on the motorway?", CANNOT, r"\bheavy\b|\bsmooth"),
        ("What's on TV tonight?", CANNOT, r"\bshow is\b|channel"),
        ("How did Apple stock do today?", CANNOT, r"\bup\b|\bdown\b|\d"),
        ("When is the next train to Boston?", CANNOT, r"\d"),
        ("What's my phone number?", CANNOT, r"\d"),
    ),
    *_one(
        "cannot do",
        ("I'd like to book a table for four people on Friday.", CANNOT, r"\b(?:booked|reserved)\b"),
        ("Could you order me a pizza?", CANNOT, r"\b(?:ordered|on its way)\b"),
        ("Can you phone the doctor for me?", CANNOT, r"\bcalling\b"),
        ("Wake me up at seven.", CANNOT, r"\bwill wake\b"),
        ("Open the garage door.", CANNOT, r"\bopen(?:ed|ing)\b"),
        ("Put milk on my shopping list.", CANNOT, r"\b(?:added|put)\b"),
        ("Show me a picture of a cat.", CANNOT, r"\bhere is\b"),
    ),
    *_one(
        "time",
        ("Could you tell me what time it is in New York?", r"\b\d{1,2}:\d\d [AP]M in New York\b", ""),
        ("What's today's date?", r"\b20[2-9]\d\b", r"\b202[0-5]\b"),
        ("Is it Tuesday today?", r"\b(?:mon|tues|wednes|thurs|fri|satur|sun)day\b", ""),
    ),
    *_one(
        "arithmetic",
        ("If I have 12 apples and eat 5, how many are left?", r"\b(?:7|seven)\b", ""),
        ("What's 20 percent of 150?", r"\b(?:30|thirty)\b", ""),
        ("Can you add 45 and 67?", r"\b112\b", ""),
        ("12 divided by 4", r"\b(?:3|three)\b", ""),
    ),
    *_one(
        "fun",
        ("Do you know any good jokes?", r"\w", rf"{CANNOT}|would you like"),
        ("Make me laugh.", r"\w", CANNOT),
        ("Tell me a story.", r"\w", CANNOT),
    ),
    *_one(
        "unkind",
        ("You're not very smart, are you?", r"\b(?:sorry|program|help|better|try)", r"\byes i am smart\b"),
        ("This is a waste of time.", r"\b(?:sorry|help|better|understand)", ""),
        ("You are an idiot.", r"\b(?:sorry|help|better|understand)", r"\byou are an idiot"),
    ),
    *_one(
        "one word", ("Hmm.", r"\w", _MET), ("Really?", r"\w", _MET), ("Why?", r"\w", _MET), ("Nothing.", r"\w", _MET)
    ),
    Tried(
        "remember",
        (
            PlainQuestion("I'm Maria, by the way.", r"\bMaria\b|\bmeet\b", r"\bi am maria\b|\bi'm maria\b"),
            PlainQuestion("What's my name again?", r"\bMaria\b", CANNOT),
        ),
    ),
    Tried(
        "remember",
        (
            PlainQuestion("My favourite colour is green.", r"\w", r"\bmy favou?rite\b"),
            PlainQuestion("What's my favourite colour?", r"\bgreen\b", CANNOT),
        ),
    ),
    Tried("follow-up", (PlainQuestion("Tell me a joke.", r"\w", CANNOT), PlainQuestion("Another one.", r"\w", CANNOT))),
    Tried(
        "follow-up",
        (
            PlainQuestion("What is the largest planet?", r"\bjupiter\b", ""),
            PlainQuestion("How many moons does it have?", r"\d|\bmany\b|moons", CANNOT),
            PlainQuestion("Thank you, that was helpful.", r"\bwelcome\b|glad", r"welcome back"),
            PlainQuestion("Bye bye!", r"\b(?:bye|goodbye|care)\b", ""),
        ),
    ),
)
"""More of the same in other words, which were set down before what answers them was tried on them."""
