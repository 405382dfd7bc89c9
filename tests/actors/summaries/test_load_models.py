"""The models that summaries are written with: made once in a process, and anew where the settings are others."""

from actors.summaries.summarising import load_models
from infra.settings import Settings


def of(url: str) -> Settings:
    return Settings(llm="local", llm_url=url)


def test_many_sessions_share_one_set_of_models() -> None:
    first = load_models(of("http://127.0.0.1:1/v1"))
    assert all(load_models(of("http://127.0.0.1:1/v1")) is first for _ in range(20))


def test_a_local_model_that_has_come_back_elsewhere_is_taken_from_there() -> None:
    first = load_models(of("http://127.0.0.1:1/v1"))
    ((_, second),) = load_models(of("http://127.0.0.1:2/v1"))
    assert second is not first[0][1]
    assert getattr(second, "openai_api_base", "") == "http://127.0.0.1:2/v1"
