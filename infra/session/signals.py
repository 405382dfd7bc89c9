"""What a listener says to the speaker without taking the floor: "mhm", "I see", "thank you", "go on". Pure.

The rule: an utterance is a signal if it consists, from its first word to its last, of such words and phrases. With
one more word, somebody is saying something: "thank you, that's enough", "okay but what about …".
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import product


def _phrases(lines: str) -> frozenset[tuple[str, ...]]:
    return frozenset(
        tuple(phrase.split()) for line in lines.splitlines() for phrase in line.split(",") if phrase.strip()
    )


SIGNALS = _phrases(
    """mhm, mm, mmm, mmhm, mm hmm, mm hm, hm, hmm, hmmm, uh, um, huh, uh huh, uhuh, uhhuh, aha, ah, ahh, oh, ooh
    ohh, eh, yeah, yea, yep, yes, yup, ya, yah, okay, ok, okey, o k, k, right, alright, all right, sure, surely
    for sure, good, great, nice, cool, fine, lovely, perfect, excellent, wonderful, awesome, amazing, fantastic
    brilliant, super, interesting, fascinating, beautiful, sweet, neat, wow, whoa, gosh, really, very, so
    exactly, true, totally, indeed, absolutely, definitely, certainly, precisely, correct, obviously, agreed
    understood, gotcha, got it, got you, got that, i got it, i got that, i get it, i get that, i got you, i see
    i see that, i know, i know that, i understand, i understand that, understand, see, of course, makes sense
    that makes sense, it makes sense, makes total sense, makes perfect sense, that makes total sense
    that makes perfect sense, fair enough, fair, good point, that's right, that's good, that's great
    that's nice, that's true, that's cool, that's fine, that's interesting, that's amazing, that's awesome
    that's perfect, that's wonderful, that's helpful, that's funny, that's lovely, that's correct
    that's fantastic, that's exactly right, that's really good, that's really nice, that's so cool
    that's very interesting, that's really interesting, that's very good, that's very nice, that's so nice
    that's so true, that's very helpful, that's really helpful, that's excellent, that's okay, that's ok
    that's it, that's a good point, that is right, that is good, that is great, that is nice, that is true
    that is cool, that is interesting, it's good, it's great, it's nice, it's fine, it's interesting
    you're right, you are right, right on, sounds good, sounds great, sounds nice, that sounds good
    that sounds great, that sounds nice, sounds interesting, good to know, good to hear, great to hear
    good idea, great idea, good stuff, good one, nice one, well done, not bad, go on, go ahead, carry on
    keep going, keep talking, continue, please, and then, and, tell me more, do go on, i'm listening
    i am listening, i'm with you, i am with you, i'm following, i'm still here, i'm here, still here, i hear you
    i follow, i follow you, with you, i agree, i think so, i guess so, i believe so, i like it, i like that
    i love it, i love that, love it, love that, me too, same here, same, thank you, thank you so much
    thank you very much, thank you so very much, thanks, thanks a lot, thanks so much, thanks very much
    many thanks, thanks a million, thank you kindly, thank you a lot, cheers, much appreciated, appreciate it
    i appreciate it, i appreciate that, thanks for that, thank you for that, ha, hah, haha, hahaha, ha ha
    ha ha ha, heh, hehe, hee hee, lol, no way, no kidding, no problem, no worries, oh no, oh my, oh my god
    oh my gosh, oh my goodness, my goodness, my god, oh dear, oh boy, oh man, oh wow, goodness, dear me
    how interesting, how nice, how lovely, how funny, how cool, how wonderful, how amazing, is that so
    is that right, is it, you don't say, you know, sure thing, you bet, of course not, never knew that
    i didn't know that, i did not know that, good for you, there you go, here we go, right you are, righto
    okie dokie, okey dokey, okie doke, alrighty, alright then, all right then, okay then, ok then, so then, right then
    roger, roger that, copy that, ten four, noted, duly noted, i can see that, i can imagine, i can tell, i bet
    i'll bet
    i suppose, i suppose so, i guess, i imagine, i hear that, i feel you, hear hear, amen, bless you, bravo
    good grief
    holy cow, holy moly, oh my word, my word, jeez, geez, gee, yikes, oops, ouch, whoops, phew, erm, er, well okay
    well ok, well yeah, well yes, well sure, well good, oh well, well well, and then what, then what, what then
    you were saying, i'm all ears, i am all ears, thanks for explaining, thank you for explaining
    thanks for letting me know, thank you for letting me know, thanks for telling me, thank you for telling me
    thanks for sharing, thank you for sharing, thanks again, thank you again, ta, thanks a bunch, thanks a ton
    thanks heaps, thanks ever so much, thank you ever so much, thank goodness, thank god, thank heavens, good news
    great news, glad to hear it, glad to hear that, happy to hear that, happy to hear it, nice to hear
    nice to hear that
    lovely to hear, lovely to hear that, so glad to hear that, what a relief, what a surprise, what a shame
    that's a relief, that's a surprise, that's a shame, that's a good idea, that's a great idea, that's a good one
    that's a great point, that's good to know, that's good to hear, that's great to hear, that's good news
    that's great news, that's wonderful news, that's good stuff, kind of you, that's kind of you
    that's very kind of you
    so kind of you, how kind of you, yeah no totally, no totally, no absolutely, no definitely, no for sure
    no exactly
    no i get it, no i see, no of course, no really, no joke, mmkay, mkay, kay, quite, quite right, quite so, naturally
    yay, woohoo, hooray, hurray, gracias, merci, danke, yessir, yes sir, yes ma'am, tsk, seriously, for real
    you're kidding, you are kidding, are you kidding, you're joking, you must be joking, are you serious
    you can't be serious, sounds about right, that sounds about right, sounds like it, sounds like a plan
    keep it going
    go for it, do carry on, it is, it does, they are, they do, he is, he does, she is, she does, we are
    not bad at all, that's fair enough
    i had no idea, who knew, fancy that, imagine that, as expected, of course yes"""
)
"""Each alone, or any number of them in a row."""

_HOLDS = ("that's", "that is", "it's", "it is", "this is", "sounds", "that sounds", "it sounds", "how", "")
_DEGREES = (
    "",
    "really",
    "very",
    "so",
    "so very",
    "pretty",
    "quite",
    "just",
    "absolutely",
    "truly",
    "super",
    "really very",
)
_PRAISE = _phrases(
    """good, great, nice, cool, true, lovely, perfect, excellent, wonderful, awesome, amazing, fantastic, brilliant
    interesting, fascinating, beautiful, sweet, neat, funny, hilarious, helpful, useful, crazy, wild, insane, kind
    impressive, incredible, unbelievable, exciting, clever, smart, fair, right, correct, sensible, reasonable
    thoughtful
    generous, adorable, cute, handy, remarkable, astonishing, surprising, delightful, terrific, superb, magnificent
    marvelous, marvellous, splendid, stunning, fun"""
)
"""How a listener judges what is said; criticism is left out, because it expects an answer."""

SIGNALS |= {tuple(" ".join(words).split()) for words in product(_HOLDS, _DEGREES, map(" ".join, _PRAISE))}

_LONGEST = max(len(phrase) for phrase in SIGNALS)
_NEXT: "defaultdict[tuple[str, ...], set[str]]" = defaultdict(set)
"""For each beginning of a phrase, the words that may come next."""
for _phrase in SIGNALS:
    for _length in range(len(_phrase)):
        _NEXT[_phrase[:_length]].add(_phrase[_length])
_LAUGHTER = frozenset("hae")


def is_signal(words: Sequence[str]) -> bool:
    """Return whether the words (lower case, without punctuation) only say "I am listening"."""
    return bool(words) and len(words) in _ends(words)


def may_become_signal(words: Sequence[str]) -> bool:
    """Return whether the words may be the beginning of a signal, whose rest is yet to come.

    The last word may be incomplete, because the recogniser gets only what has been said so far.
    """
    if not words:
        return False
    ends = {0, *_ends(words)}
    return len(words) in ends or any(_begins_phrase(tuple(words[end:])) for end in ends)


def _begins_phrase(words: tuple[str, ...]) -> bool:
    if words in _NEXT:
        return True
    *whole, half = words
    return len(half) > 1 and any(word.startswith(half) for word in _NEXT.get(tuple(whole), ()))


def _ends(words: Sequence[str]) -> set[int]:
    """Return the places up to which the words can be read as signals."""
    ends = {0}
    for at in range(len(words)):
        if at not in ends:
            continue
        if _is_sound(words[at]):
            ends.add(at + 1)
        ends.update(at + size for size in _sizes(words, at))
    return ends - {0}


def _sizes(words: Sequence[str], at: int) -> Iterable[int]:
    most = min(_LONGEST, len(words) - at)
    return (size for size in range(1, most + 1) if tuple(words[at : at + size]) in SIGNALS)


def _is_sound(word: str) -> bool:
    """Return whether a word is laughter or humming, in any spelling: `hahahaha`, `mmmm`, `ohhh`."""
    letters = set(word)
    if len(word) >= 3 and letters <= _LAUGHTER and "h" in letters and len(letters) > 1:
        return True
    return letters <= set("hm") or letters <= set("oh") or letters <= set("ah")
