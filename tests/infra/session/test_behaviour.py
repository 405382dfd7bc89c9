"""A session behaves as its profile says, whatever the settings of the process that takes part in it."""

import json

import pytest

from contracts.events import AgentProfile
from infra.session.behaviour import BEHAVIOUR, in_session, profile_of
from infra.settings import Settings

OTHER = {
    "speculate": False,
    "turn_history": 3,
    "reply_max_tokens": 40,
    "llm": "openai:gpt-5",
    "llm_timeout_s": 7,
    "memory_turns": 1,
    "memory_timeout_ms": 20,
    "stt": "deepgram.STT",
    "end_of_turn": "my.detectors:Mine",
    "vad_threshold": 0.7,
    "min_endpointing_delay_ms": 300,
    "max_endpointing_delay_ms": 1200,
    "barge_in_min_speech_ms": 700,
    "patience": "patient",
    "opener": "Well,",
    "turn_weights": "{}",
    "tts": "cartesia.TTS",
    "voice": "Anna",
    "tts_sample_rate_conversion": "none",
    "agent_sample_rate_hz": 16_000,
    "summary_turns": 5,
    "session_idle_s": 30,
    "reconnect_grace_s": 3,
    "room_empty_s": 4,
    "prompt": "Be brief.",
    "greeting": "Hello.",
    "agent_name": "Robin",
    "addressee": "named",
    "time_zone": "Europe/Zurich",
    "record_audio": False,
}
OPTIONS = {"llm_options": {"temperature": 0.1}, "stt_options": {"language": "de"}, "tts_options": {"speed": 1.2}}


def test_every_setting_of_behaviour_is_the_sessions_and_not_the_processs() -> None:
    assert set(BEHAVIOUR) == OTHER.keys() | OPTIONS.keys()
    opened = Settings.model_validate(OTHER | OPTIONS)
    there = in_session(Settings(), profile_of(opened))
    for name in BEHAVIOUR:
        assert getattr(there, name) == getattr(opened, name) != getattr(Settings(), name), name


def test_all_else_is_the_processs() -> None:
    process = Settings(nats_url="nats://here:4222", max_sessions=3, llm_threads=2)
    there = in_session(process, profile_of(Settings(nats_url="nats://there:4222", max_sessions=9)))
    assert (there.nats_url, there.max_sessions, there.llm_threads) == ("nats://here:4222", 3, 2)


def test_a_session_of_an_older_build_and_an_unknown_one_behave_as_the_process_says() -> None:
    process = Settings.model_validate(OTHER | OPTIONS)
    assert in_session(process, None) == process
    older = AgentProfile(prompt="Old.", llm="", stt=" ,", tts="")
    there = in_session(process, older)
    assert there.prompt == "Old."
    named = {"prompt", "greeting", "agent_name", "addressee", "time_zone"}
    for name in set(BEHAVIOUR) - named:
        assert getattr(there, name) == getattr(process, name), name


@pytest.mark.parametrize(
    ("given", "patience"),
    [
        ({"llm_url": "http://127.0.0.1:1"}, "quick"),
        ({"llm_url": "http://127.0.0.1:1", "llm": "openai:gpt-5,local"}, "quick"),
        ({"llm_url": "http://127.0.0.1:1", "llm": "openai:gpt-5"}, ""),
        ({}, ""),
        ({"patience": "balanced"}, "balanced"),
        ({"patience": "", "llm_url": "http://127.0.0.1:1"}, ""),
    ],
)
def test_words_decide_when_a_turn_is_over_where_the_local_model_can_score_them(
    given: dict[str, str], patience: str
) -> None:
    process = Settings.model_validate(given)
    assert profile_of(process).patience == patience
    older = AgentProfile(prompt="Old.", llm="local", stt="local", tts="local")
    assert in_session(process, older).patience == patience
    assert in_session(process, None).patience == ("" if process.patience == "auto" else process.patience)


@pytest.mark.parametrize(
    "private",
    [
        {"api_key": "sk-1"},
        {"base_url": "https://x"},
        {"openai_api_base": "x"},
        {"auth_token": "t"},
        {"token": "t"},
        {"default_headers": {"X-Team": "a"}},
        {"model_kwargs": {"deep": {"secret": "s"}}},
        {"servers": ["wss://user:password@host"]},
    ],
)
def test_keys_and_addresses_stay_in_the_process(private: dict[str, object]) -> None:
    public = {"temperature": 0.3, "max_tokens": 9, "stop": ["\n"], "model_name": "m"}
    profile = profile_of(Settings(llm_options=public | private))
    assert json.loads(profile.llm_options or "") == public
    there = in_session(Settings(llm_options={"temperature": 0.9} | private), profile)
    assert there.llm_options == public | private


def test_sound_is_recorded_only_where_the_door_and_the_recording_process_allow_it() -> None:
    yes, no = Settings(record_audio=True), Settings(record_audio=False)
    allowed = [in_session(here, profile_of(door)).record_audio for here in (yes, no) for door in (yes, no)]
    assert allowed == [True, False, False, False]
