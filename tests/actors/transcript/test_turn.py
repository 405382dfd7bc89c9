"""What the pieces of an utterance come to together."""

from typing import Any, cast

from actors.transcript.turn import Utterance, UtterancePiece
from contracts import events as e
from infra.engines.stt import Recognition


def started() -> e.SpeechStarted:
    fields: dict[str, Any] = {"turn_id": "t", "utterance_id": "u", "track_id": "t-1", "participant_id": "p-1"}
    return e.SpeechStarted(event_id="ss", session_id="s-1", time_ns=1, start_sample=0, **fields)


def piece(text: str, confidence: float, dismissed: str = "") -> UtterancePiece:
    words = "" if dismissed else text
    recognition = Recognition(words, "local", 1, confidence, "en", dismissed, text if dismissed else "")
    return UtterancePiece(0, 1, None, text=words, recognition=recognition)


def of(*pieces: UtterancePiece) -> Utterance:
    return Utterance(started(), pieces=list(pieces[:-1]), settling=pieces[-1])


FRENCH = piece("Boucher, Ibn Ali, and Ibn Tapu, says,", 0.24, "language")


def test_an_utterance_is_in_another_language_though_its_last_piece_is_only_unlikely() -> None:
    implausible = cast(Recognition, of(FRENCH, piece("What?", 0.3, "unlikely")).implausible)
    assert implausible.dismissed == "language"
    assert cast(Recognition, of(piece("What?", 0.3, "unlikely")).implausible).dismissed == "unlikely"


def test_beside_a_piece_in_another_language_a_few_doubtful_words_are_none() -> None:
    assert of(FRENCH, piece("Sealable clad.", 0.5)).whole_text() == ""
    assert of(piece("Sealable clad.", 0.5), FRENCH).whole_text() == ""


def test_a_piece_that_is_sure_counts_beside_one_in_another_language() -> None:
    assert of(FRENCH, piece("What time is it?", 0.9)).whole_text() == "What time is it?"


def test_doubtful_words_count_where_nothing_is_in_another_language() -> None:
    assert of(piece("Yes.", 0.5), piece("What?", 0.3, "unlikely"), piece("No.", 0.5)).whole_text() == "Yes. No."
