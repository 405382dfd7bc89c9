"""What a listener says to whoever speaks, without taking the floor: "mhm", "I see", "thank you", "go on". Pure.

The rule: an utterance is a signal if it can be read, from its first word to its last, as a row of such words and
phrases. One word more, and somebody says something: "thank you, that's enough", "okay but what about …".
"""

from collections.abc import Iterable, Sequence


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
    i didn't know that, i did not know that, good for you, there you go, here we go"""
)
"""Each alone, and any number of them one after the other."""

_LONGEST = max(len(phrase) for phrase in SIGNALS)
_BEGINNINGS = frozenset(phrase[:length] for phrase in SIGNALS for length in range(1, len(phrase)))
_LAUGHTER = frozenset("hae")


def is_signal(words: Sequence[str]) -> bool:
    """Tell whether the words (lower case, without punctuation) only say "I am listening"."""
    return bool(words) and len(words) in _ends(words)


def may_become_signal(words: Sequence[str]) -> bool:
    """Tell whether the words may be the beginning of a signal: the rest of a phrase may be yet to come.

    The last word may be half a word: a recogniser is given what has been said so far.
    """
    if not words:
        return False
    ends = {0, *_ends(words)}
    return len(words) in ends or any(_begins_phrase(tuple(words[end:])) for end in ends)


def _begins_phrase(words: tuple[str, ...]) -> bool:
    if words in _BEGINNINGS:
        return True
    *whole, half = words
    size = len(whole)
    return len(half) > 1 and any(
        phrase[:size] == tuple(whole) and phrase[size].startswith(half) for phrase in SIGNALS if len(phrase) > size
    )


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
    """Tell whether a word is laughter or humming, however the recogniser spells it: `hahahaha`, `mmmm`, `ohhh`."""
    letters = set(word)
    if len(word) >= 3 and letters <= _LAUGHTER and "h" in letters and len(letters) > 1:
        return True
    return letters <= set("hm") or letters <= set("oh") or letters <= set("ah")
