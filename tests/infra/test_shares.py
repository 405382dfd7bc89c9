"""A setting may give each session one of several chains of engines, by shares."""

from collections import Counter
from decimal import Decimal

import pytest

from infra.session.behaviour import in_each_share, in_share, profile_of
from infra.settings import BadSettings, Settings, settings
from infra.shares import chain_of, engine_names, shares_of

TWO = "80%:deepgram.STT,local, 20% : openai.STT"


def test_an_item_without_a_share_is_the_fallback_of_the_one_before() -> None:
    first, second = shares_of(TWO)
    assert (first.percent, first.chain) == (Decimal(80), "deepgram.STT,local")
    assert (second.percent, second.chain) == (Decimal(20), "openai.STT")


def test_a_chain_without_shares_is_that_of_all_sessions() -> None:
    (only,) = shares_of("deepgram.STT, local,")
    assert (only.percent, only.chain) == (Decimal(100), "deepgram.STT,local")
    assert chain_of("openai:gpt-5", "llm", "s-1") == "openai:gpt-5"


def test_all_engines_are_named_once_in_their_order() -> None:
    assert engine_names("50%:deepgram.STT,local,50%:local") == ["deepgram.STT", "local"]


def test_sessions_get_a_chain_by_their_share_and_always_the_same() -> None:
    ids = [f"s-{n}" for n in range(4000)]
    chosen = [chain_of(TWO, "stt", each) for each in ids]
    counts = Counter(chosen)
    assert counts.keys() == {"deepgram.STT,local", "openai.STT"}
    assert 0.17 < counts["openai.STT"] / len(ids) < 0.23
    assert [chain_of(TWO, "stt", each) for each in ids] == chosen


def test_shares_below_a_percent_are_kept() -> None:
    chosen = Counter(chain_of("99.5%:local,0.5%:openai.TTS", "tts", f"s-{n}") for n in range(10_000))
    assert 20 < chosen["openai.TTS"] < 90


def test_the_parts_of_a_session_are_drawn_apart() -> None:
    half = {"llm": "50%:local,50%:openai:gpt-5", "tts": "50%:local,50%:openai.TTS"}
    pairs = Counter(tuple(chain_of(text, kind, f"s-{n}") for kind, text in half.items()) for n in range(2000))
    assert len(pairs) == 4
    assert min(pairs.values()) > 400


def test_a_session_has_the_chosen_engines_in_its_profile() -> None:
    shared = Settings(tts="50%:local,50%:openai.TTS,local", stt="local", llm="local")
    profiles = [profile_of(in_share(shared, f"s-{n}")) for n in range(40)]
    assert {profile.tts for profile in profiles} == {"local", "openai.TTS,local"}
    assert {(profile.stt, profile.llm) for profile in profiles} == {("local", "local")}
    assert [each.tts for each in in_each_share(shared, "tts")] == ["local", "openai.TTS,local"]


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("STT", "80%:local,10%:openai.STT", "the shares add up to 90%, not to 100%"),
        ("STT", "local,50%:openai.STT", "'local' has no share of sessions, others have"),
        ("TTS", "80%local,20%:openai.TTS", "'80%local' is no share of sessions: write for example `80%:local,20%:"),
        ("TTS", "100%:", "the share of 100% names no engine"),
        ("TTS", "0%:local,100%:openai.TTS", "'local' has 0% of the sessions"),
        ("TTS", "-20%:local,120%:openai.TTS", "'-20%:local' is no share"),
        ("LLM", "50%:local,50%:local", "'local' has two shares"),
        ("LLM", "50%:local,50%:gpt", "names no language model: write `local`, `provider:model`"),
        ("END_OF_TURN", "50%:local,50%:my.detector:Mine", "names no end-of-turn model"),
    ],
)
def test_bad_shares_are_a_clear_error(monkeypatch: pytest.MonkeyPatch, variable: str, value: str, said: str) -> None:
    monkeypatch.setenv(f"DAREDEVIL_{variable}", value)
    settings.cache_clear()
    with pytest.raises(BadSettings) as refused:
        settings()
    settings.cache_clear()
    assert str(refused.value).startswith(f"DAREDEVIL_{variable}={value}: ")
    assert said in str(refused.value)
