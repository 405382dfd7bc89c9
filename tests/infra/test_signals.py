import pytest

from infra.signals import is_signal, may_become_signal
from infra.wording import words_of

SIGNALS = """Mhm. | Mm-hmm. | Mmm. | Mm-hmm, yeah. | Uh-huh. | Uh huh, right. | Hmm. | Aha. | Oh. | Ooh. | Ah, okay.
Yeah. | Yeah, yeah. | Yeah, yeah, yeah. | Yeah yeah yeah yeah yeah yeah. | Yes. | Yep, yep.
Yes, yes, of course. | Okay. | Okay, okay. | Okay, got it. | Okay, I see. | Okay, right. | OK, great.
Ok, thank you. | Okay, that makes sense. | Right. | Right, right. | Right, okay. | All right.
Alright, cool. | Sure. | Sure, sure. | Sure, go ahead. | For sure. | I see. | Oh, I see. | Ah, I see, okay.
I understand. | I get it. | Got it. | Got it, thanks. | Gotcha. | I know. | Thank you. | Thank you so much.
Thank you very much. | Thanks. | Thanks a lot. | Great, thanks. | Oh, thank you. | Cheers. | Go on.
Please go on. | Go on, please. | Keep going. | Carry on. | Continue. | Please continue. | Yes, go ahead.
Tell me more. | Haha. | Ha ha ha. | Hahahaha. | Hehe. | Haha, that's funny. | Wow. | Oh wow. | Wow, really?
Really? | Oh, really? | Great. | Good. | Very good. | Nice. | Very nice. | That's nice. | That's great.
That's really interesting. | Interesting. | How interesting. | Cool, cool. | So cool. | That's true.
So true. | Exactly. | Yes, exactly. | Absolutely. | Totally. | That makes sense. | Makes sense, yeah.
Fair enough. | Sounds good. | Good to know. | Good point. | Of course. | I agree. | No way. | No kidding.
Oh no. | Oh my god. | Oh dear. | My goodness. | You're right. | I'm listening. | I'm with you. | Perfect.
Perfect, thank you. | Wonderful. | Amazing. | Lovely, thanks. | Mhm, mhm, okay, right, yes. | And then?
Ohhh."""

WORDS = """Stop. | Stop, stop. | No. | No, no. | No, wait. | Wait. | Wait a moment. | Hold on. | Hang on a second.
Pause. | Thank you, that's enough. | Thanks, that's all I need. | Thank you, goodbye. | Okay, bye.
Great, thanks, bye. | That's enough. | Okay, but what about London? | Yes, but I said Tuesday.
Yeah, but no. | Right, and how much is it? | Okay, next question. | Actually, I meant the other one.
Sorry? | Sorry, what was that? | Pardon? | What? | Why? | How much? | Where? | Who is that?
Can you repeat that? | Say that again. | Slower, please. | Louder, please. | Please stop. | Be quiet.
Shut up. | Cancel. | I have a question. | I want to book a table. | Yes, I want that. | Okay, let's do it.
Yes, book it. | Sure, tomorrow at five. | I see a problem there. | I know the rest.
I understand, but who pays? | Got it, now tell me the price. | Go on to the next one. | Good morning.
Hello? | Are you there? | Right now? | Nice to meet you. | That's not right. | That's wrong. | Not true.
Thank you, what else? | No thank you. | No, thanks. | I don't think so. | Never mind. | Forget it.
Something else. | London. | Okay, my name is Sam. | It's twelve. | The second one.
Really, how do you know? | Great, how do I get there? | Enough."""


def phrases(text: str) -> list[str]:
    return [phrase.strip() for line in text.splitlines() for phrase in line.split("|")]


@pytest.mark.parametrize("text", phrases(SIGNALS))
def test_what_a_listener_says_is_a_signal(text: str) -> None:
    assert is_signal(words_of(text))


@pytest.mark.parametrize("text", phrases(WORDS))
def test_what_takes_the_floor_is_none(text: str) -> None:
    assert not is_signal(words_of(text))


@pytest.mark.parametrize(
    "text", ["Thank", "Go", "Keep go", "That makes", "That's", "Oh my", "I", "Yeah, I'm list", "Okay tha"]
)
def test_the_beginning_of_a_signal_may_become_one(text: str) -> None:
    assert may_become_signal(words_of(text))


@pytest.mark.parametrize(
    "text", ["", "Stop", "What about", "Yeah but", "Okay tell me about", "Thank you, that's enough", "I want"]
)
def test_other_beginnings_may_not(text: str) -> None:
    assert not may_become_signal(words_of(text))
