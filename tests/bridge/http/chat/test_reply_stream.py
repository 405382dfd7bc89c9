"""Tokens and clauses put together."""

from hypothesis import given
from hypothesis import strategies as st

from bridge.http.chat.reply_stream import Clause, Delivered, Piece, Reset, TextToken, Writing


def shown(pieces: list[Piece]) -> str:
    text = ""
    for piece in pieces:
        if isinstance(piece, TextToken):
            text += piece.text
        elif isinstance(piece, Reset):
            text = piece.text
    return text


def words(text: str) -> list[str]:
    return text.split()


def test_tokens_come_as_they_are_and_clauses_beside_them() -> None:
    writing = Writing()
    told = [
        *writing.token(0, "Hel"),
        *writing.token(1, "lo. Hi"),
        *writing.clause(0, "Hello."),
        *writing.end("Hello. Hi"),
    ]
    assert told == [TextToken("Hel"), TextToken("lo. Hi"), Clause(0, "Hello.")]


def test_without_tokens_clauses_are_the_text() -> None:
    writing = Writing()
    told = [*writing.clause(0, "Hello there."), *writing.clause(1, "How are you?"), *writing.clause(1, "How are you?")]
    assert told == [
        TextToken("Hello there."),
        Clause(0, "Hello there."),
        TextToken(" How are you?"),
        Clause(1, "How are you?"),
    ]


def test_a_lost_token_takes_the_preview_back_until_its_clause_comes() -> None:
    writing = Writing()
    told = [
        *writing.token(0, "Hel"),
        *writing.token(2, " the"),
        *writing.token(3, "re."),
        *writing.clause(0, "Hello there."),
    ]
    assert told[:2] == [TextToken("Hel"), Reset("")]
    assert shown(told) == "Hello there."


def test_a_process_that_writes_on_begins_to_count_again() -> None:
    writing = Writing()
    told = [
        *writing.token(0, "One. Tw"),
        *writing.clause(0, "One."),
        *writing.token(0, "Too."),
        *writing.clause(1, "Too."),
    ]
    assert shown(told) == "One. Too."


def test_what_the_model_began_beyond_the_end_is_taken_back() -> None:
    writing = Writing()
    told = [*writing.token(0, "Fine. And"), *writing.clause(0, "Fine."), *writing.end("Fine.")]
    assert told[-1] == Reset("Fine.")


@given(
    st.lists(st.lists(st.sampled_from(["a", "bc", "def"]), min_size=1, max_size=4), min_size=1, max_size=5),
    st.sets(st.integers(0, 40)),
    st.integers(1, 5),
)
def test_the_whole_text_is_shown_whatever_gets_lost(clauses: list[list[str]], lost: set[int], size: int) -> None:
    texts = [" ".join(clause) + "." for clause in clauses]
    text = " ".join(texts)
    tokens = [text[at : at + size] for at in range(0, len(text), size)]
    writing, told, at = Writing(), list[Piece](), 0
    for index, clause in enumerate(texts):
        while at < len(tokens) and len("".join(tokens[:at])) < len(" ".join(texts[: index + 1])):
            if at not in lost:
                told += writing.token(at, tokens[at])
            at += 1
        told += writing.clause(index, clause)
    told += writing.end(text)
    assert words(shown(told)) == words(text)
    delivered = Delivered()
    for piece in told:
        delivered.take(piece)
        heard = words(delivered.text(text))
        assert " ".join(heard) == " ".join(words(text))[: len(" ".join(heard))]
    assert words(delivered.text(text)) == words(text)


def test_what_was_read_is_whole_clauses_and_the_tokens_behind_them() -> None:
    delivered = Delivered()
    for piece in (TextToken("**Good** day, nice"), Clause(0, "Good day,"), TextToken(" to h")):
        delivered.take(piece)
    assert delivered.text("Good day, nice to hear.") == "Good day, nice to h"


def test_what_was_shown_and_never_stored_does_not_count_as_read() -> None:
    delivered = Delivered()
    for piece in (TextToken("The whale was a great"), Clause(0, "The whale")):
        delivered.take(piece)
    assert delivered.text("The whale") == "The whale"
    assert delivered.text("The whale was") == "The whale was"
    assert delivered.text("The whale was a small") == "The whale was a"


def test_tokens_of_other_words_than_the_clauses_are_not_counted() -> None:
    delivered = Delivered()
    for piece in (TextToken("Seven. Nine"), Clause(0, "Eight.")):
        delivered.take(piece)
    assert delivered.text("Eight. Nine.") == "Eight."
