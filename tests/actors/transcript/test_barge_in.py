import pytest

from actors.transcript.barge_in import Company, Overlap, Verdict, is_question, judge

AGENT = "The weather in Paris is sunny today. Would you like to know more?"


def verdict(text: str, speech_ms: float = 400, over: bool = True) -> Verdict | None:
    return judge(text, speech_ms, over, Overlap(AGENT), min_speech_ms=500)


def test_a_cough_without_words_is_dismissed_when_it_is_over() -> None:
    assert verdict("", over=False) is None
    assert verdict("") == Verdict(False, "no-words")
    assert verdict("...") == Verdict(False, "no-words")


@pytest.mark.parametrize("text", ["Mhm.", "Uh-huh.", "Yeah.", "Okay, okay.", "Oh, I see."])
def test_a_backchannel_is_dismissed_when_it_is_over(text: str) -> None:
    assert verdict(text, over=False) is None
    assert verdict(text) == Verdict(False, "backchannel")


def test_a_backchannel_that_goes_on_is_an_interruption() -> None:
    assert verdict("Yeah but", over=False) == Verdict(True)
    assert verdict("Okay tell me about London", 900, over=False) == Verdict(True)


SIGNALS = [
    "Yeah, I know.",
    "That's so interesting!",
    "Oh wow, thanks so much.",
    "How kind of you.",
    "Okie dokie.",
    "Then what?",
]
TURNS = ["Yes, cancel it.", "That's too expensive.", "Great, what's next?", "Thanks, bye.", "I disagree.", "Tuesday."]


@pytest.mark.parametrize("text", SIGNALS)
def test_a_signal_leaves_a_statement_alone_and_answers_a_question(text: str) -> None:
    assert judge(text, 3000, True, Overlap("The moon is far away, and"), 300) == Verdict(False, "backchannel")
    assert judge(text, 3000, True, Overlap("Shall I book it?", asks=True), 300) == Verdict(True)


@pytest.mark.parametrize("text", TURNS)
@pytest.mark.parametrize("asks", [False, True])
def test_a_turn_interrupts_a_statement_and_a_question(text: str, asks: bool) -> None:
    assert judge(text, 3000, True, Overlap("The moon is far away, and", asks=asks), 300) == Verdict(True)


@pytest.mark.parametrize("text", ["Thank", "Thank you", "Go", "Yeah, go", "That makes", "I"])
def test_what_may_become_a_signal_is_waited_for_however_long_it_takes(text: str) -> None:
    assert verdict(text, 1500, over=False) is None


@pytest.mark.parametrize("text", ["Thank you, that's enough.", "Okay, but what about London?", "No thank you."])
def test_a_signal_with_words_of_its_own_interrupts(text: str) -> None:
    assert verdict(text) == Verdict(True)


@pytest.mark.parametrize("text", ["Yeah.", "Yes, sure.", "Okay.", "Mhm.", "Thank you.", "Sunny."])
def test_after_a_question_of_the_agent_the_same_words_are_an_answer(text: str) -> None:
    asks = Overlap("It is sunny. Would you like to know more?", asks=True)
    assert judge(text, 400, True, asks, min_speech_ms=500) == Verdict(True)


def test_what_the_sound_tells_counts_more_than_the_words() -> None:
    assert judge("No.", 300, True, Overlap(AGENT, is_echo=True), 500) == Verdict(False, "echo")
    assert judge("Paris.", 300, True, Overlap(AGENT), 500) == Verdict(False, "echo")
    assert judge("Paris.", 300, True, Overlap(AGENT, is_own=True), 500) == Verdict(True)


@pytest.mark.parametrize(("text", "asks"), [("How are you?", True), ('He asked "why?"', True), ("Why? I see.", False)])
def test_a_reply_asks_if_its_last_sentence_does(text: str, asks: bool) -> None:
    assert is_question(text) is asks


@pytest.mark.parametrize("text", ["Stop!", "Wait.", "No.", "No, no.", "Stop, wait a moment."])
def test_words_that_take_the_floor_interrupt_at_once(text: str) -> None:
    assert verdict(text, speech_ms=200, over=False) == Verdict(True)


def test_other_words_interrupt_when_they_have_lasted_or_have_ended() -> None:
    assert verdict("What about", 300, over=False) is None
    assert verdict("What about", 500, over=False) == Verdict(True)
    assert verdict("London?", 300, over=True) == Verdict(True)


def test_the_agent_hearing_itself_is_dismissed() -> None:
    assert verdict("is sunny today", 900, over=False) is None
    assert verdict("is sunny today") == Verdict(False, "echo")


def test_an_echo_may_be_misheard_a_little() -> None:
    assert verdict("the weather in Harris is sunny today") == Verdict(False, "echo")
    assert verdict("the weather in London was rainy yesterday") == Verdict(True)


def test_a_command_is_no_echo_even_if_the_agent_says_the_word() -> None:
    assert judge("Stop.", 200, True, Overlap("The bus will stop here."), 500) == Verdict(True)


NAMED = Company("named", "Daredevil", ("Kim", "Ann Lee"))
ASKED = Company("asked", "Daredevil", ("Kim", "Ann Lee"))


def in_company(company: Company, text: str, over: bool = True, speech_ms: float = 2000) -> Verdict | None:
    return judge(text, speech_ms, over, Overlap(AGENT), min_speech_ms=500, company=company)


@pytest.mark.parametrize("text", ["I am Sam.", "No, I was at home.", "Actually I think so, too.", "Kim, stop that!"])
@pytest.mark.parametrize("company", [NAMED, ASKED])
def test_what_people_say_to_each_other_is_dismissed_when_it_is_over(company: Company, text: str) -> None:
    assert in_company(company, text, over=False) is None
    assert in_company(company, text) == Verdict(False, "unaddressed")


@pytest.mark.parametrize("company", [NAMED, ASKED])
def test_in_company_the_agents_name_interrupts_and_so_does_a_word_that_stops_it(company: Company) -> None:
    for text in ("Daredevil, what about London", "Dare devil no", "Stop!", "Stop, stop.", "Wait a moment", "Hold on."):
        assert in_company(company, text, over=False) == Verdict(True), text
    assert in_company(company, "I told her to stop at the shop.") == Verdict(False, "unaddressed")


def test_in_company_a_question_interrupts_once_it_is_over_where_the_agent_answers_questions() -> None:
    assert in_company(ASKED, "What about London?", over=False) is None
    assert in_company(ASKED, "What about London?") == Verdict(True)
    assert in_company(ASKED, "What about London, Kim?") == Verdict(False, "unaddressed")
    assert in_company(NAMED, "What about London?") == Verdict(False, "unaddressed")


@pytest.mark.parametrize("company", [Company("named", "Daredevil"), Company("always", "Daredevil", ("Kim",))])
def test_who_is_alone_with_the_agent_or_always_answered_interrupts_without_its_name(company: Company) -> None:
    assert in_company(company, "I am Sam.", over=False) == Verdict(True)


def test_in_company_a_cough_an_mhm_and_an_echo_are_what_they_were() -> None:
    assert in_company(NAMED, "") == Verdict(False, "no-words")
    assert in_company(NAMED, "Mhm.") == Verdict(False, "backchannel")
    assert in_company(NAMED, "is sunny today") == Verdict(False, "echo")


@pytest.mark.parametrize("text", ["The weather was", "Weather in Pa", "In Paris his"])
def test_the_last_word_of_an_echo_that_goes_on_may_be_heard_wrongly(text: str) -> None:
    assert verdict(text, 900, over=False) is None
    assert verdict(text) == Verdict(True), "then it is whole"


@pytest.mark.parametrize("text", ["The weather stop", "In Paris wait", "Weather is bad", "The weather in my town"])
def test_words_of_ones_own_after_words_of_the_reply_interrupt(text: str) -> None:
    assert verdict(f"{text} and", 900, over=False) == Verdict(True)
