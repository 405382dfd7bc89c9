import pytest

from infra.session.addressing import words_of
from infra.session.signals import is_signal, may_become_signal

SIGNALS = """Mhm. | Mm-hmm. | Mmm. | Mm-hmm, yeah. | Uh-huh. | Uh huh, right. | Hmm. | Aha. | Oh. | Ooh.
Ah, okay.
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


MORE_SIGNALS = """yeah yeah okay | thanks so much | ha ha | right, right | mm-hmm go on | no way
got it, thanks | uh | oh wow
I see, yes | yeah, I know | yeah, I know, right | oh okay | oh, that's good to know | oh cool, thanks
ah got you | okay yeah | yeah sure | well, okay | well yeah | huh, interesting | huh, okay
that's so interesting | that's awesome, thank you | oh that's lovely | that's really cool | that's wild
that's crazy | oh that's crazy | that's hilarious | you're kidding | are you serious | seriously
you're joking | for real | oh really, wow | wow, okay | gosh, really | no, really | oh nice one | okay good
okay great thank you | alright then | right you are | righto | okie dokie | okey dokey | roger | roger that
copy that | noted | duly noted | ten four | true, true | so I see | I can see that | I can imagine | I bet
I'll bet | I suppose | I suppose so | I guess | I hear you | hear hear | amen | bless you | bravo | good grief
holy cow | oh my word | my word | oh goodness | jeez | geez | yikes | oops | ouch | whoops | phew
oh I see, thank you | mm okay | mm, yes | um, okay | erm, right | er, yes | yes please go on
please keep going | do carry on | keep it going | and then what | then what | what then | so then | go for it
okay so | okay then | and so | you were saying | I'm all ears | thank you for explaining
thanks for explaining | thanks for letting me know | thank you, that's very kind | that's kind of you
how kind | that's very kind | that's great news | good news | oh great news | glad to hear it
glad to hear that | happy to hear that | nice to hear | that's a relief | thank goodness | thank god
oh thank you so much | thanks again | ta | awesome, thanks a bunch | thanks a ton | thanks a bunch
yeah exactly right | oh absolutely | yeah, no, totally | hm hm | mhm mhm mhm | aha aha | yes yes yes
okay okay okay okay | mmkay | kay | uh yeah | um yeah | uh-huh uh-huh | oh yeah yeah | oh yes indeed | quite
quite right | quite so | certainly, yes | naturally | obviously, yeah | very true | that is so true
that's fair | that's fair enough | that's good stuff | very interesting | really interesting | so interesting
very cool | really nice | pretty good | pretty cool | not bad at all | pretty neat | super cool | impressive
very impressive | that's impressive | incredible | unbelievable | that's incredible | that's unbelievable
ooh nice | ooh, lovely | yay | woohoo | hooray | it does | it is | they do | yes it is | yes they do
of course, yeah | makes sense, thanks | okay, makes sense, go on | I got you | I feel you | same | hehehe
haha yeah | lol okay | ha, nice | heh, right | that's funny, go on | gracias | alrighty | yessir | yes sir
yes ma'am | mm-mm | tsk | sounds about right | that sounds right | that sounds about right
that sounds lovely | sounds like it | sounds perfect | sounds wonderful"""

MORE_WORDS = """wait | no, that's wrong | stop | okay but what about Tuesday | thanks, that's enough
yes, cancel it
wait wait wait | hold on a sec | one second | one moment | just a moment | excuse me | sorry, can I | hang on
no no no | nope | nah | not really | no thank you | thanks but no thanks | yeah but no | yeah no | actually
actually no | hmm, no | hm, not sure | I'm not sure | I don't know | I don't understand | what do you mean
what was that | say again | come again | repeat that | pardon me | sorry what | huh what | can you hear me
hello hello | okay stop | okay that's enough | okay enough | all right enough | that's enough thanks
thank you stop | thanks, bye | bye | goodbye | okay goodbye | see you | talk later | I have to go | gotta go
I need to go | let me think | let me stop you there | quick question | question | one question | but why
but how | why not | how come | what if it rains | and what about Sunday | and the price | and on Monday
and how much | so how much is it | so what should I do | then cancel it | then book it | please book it
please cancel | please wait | please slow down | slow down | too fast | louder | speak up | quieter please
skip that | skip this | next | next one | go back | go back please | start over | start again | change it
change that | yes but | right but | okay and what else | got it but | got it, next | I see, but
I know that already | I already know that | I knew that | I know, I know, just tell me the price
you already said that | you said that | that's not what I asked | that's not it | not that one | that's wrong
wrong | incorrect | that's incorrect | that's too much | that's too expensive | that's expensive
that's a lot | too late | too early | yes tomorrow | yes at five | no Tuesday | Tuesday | at seven
two people | forty two | yes I want the blue one | the blue one please | I want a refund | give me a human
agent please | operator | human | help | help me | call my wife | okay call her | do it | let's do it
let's go | great, book it | great, what's next | good, and the other one | perfect, send it | fine, cancel
fine, whatever | whatever | never mind | forget it | shut up | be quiet | quiet | silence | mute | pause
pause please | right there | right now | not now | later | not today | cool, how much | nice, where is it
sure, do that | sure, but later | okay my name is Anna | it's Anna | this is Anna | I'm Anna | oh no, wait
oh wait | oh, one more thing | oh and also | also | oh I forgot | sorry | sorry sorry | my bad
I made a mistake | I meant Monday | no I mean Monday | I think you're wrong | I disagree | I don't agree
I don't like it | I hate it | I don't believe it | thank you but I have a question
okay thank you I have to go | thanks for calling, goodbye | good night | good morning | how are you
how old are you | who are you | really why | wow how much | yes what time | say yes | go home | go away
go on vacation | keep my booking | continue with the second one | understand this | see the doctor | I see him
I get paid on Friday | I know a better one | I love cake | I like the second one | that's my name
that's my house | that's it for today | good for Tuesday | and then Tuesday | sure thing boss call Bob"""


def phrases(text: str) -> list[str]:
    return [phrase.strip() for line in text.splitlines() for phrase in line.split("|")]


@pytest.mark.parametrize("text", phrases(SIGNALS) + phrases(MORE_SIGNALS))
def test_what_a_listener_says_is_a_signal(text: str) -> None:
    assert is_signal(words_of(text))


@pytest.mark.parametrize("text", phrases(WORDS) + phrases(MORE_WORDS))
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
