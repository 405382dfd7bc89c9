from pathlib import Path

import pytest

from infra.engines.llm import LlmNotFound, chat_model, chat_models, limits_of, local_url, model_names
from infra.settings import Settings


def test_a_chain_is_read_from_left_to_right() -> None:
    assert model_names(" local , openai:gpt-4o-mini,") == ["local", "openai:gpt-4o-mini"]
    with pytest.raises(LlmNotFound, match="DAREDEVIL_LLM"):
        model_names(" , ")


def test_a_missing_local_server_is_reported_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(LlmNotFound, match="make run"):
        local_url(Settings(data_dir=tmp_path, llm_url=""))


def test_an_unknown_provider_is_reported_by_name() -> None:
    with pytest.raises(LlmNotFound, match="nobody:nothing"):
        chat_model("nobody:nothing", Settings())


def test_the_local_model_streams_from_the_server_that_is_set() -> None:
    ((name, model),) = chat_models(Settings(llm="local", llm_url="http://127.0.0.1:9/v1/"))
    assert name == "local"
    assert str(getattr(model, "openai_api_base", "")) == "http://127.0.0.1:9/v1"


def test_only_large_models_are_given_tools() -> None:
    assert not limits_of("local").tools
    assert limits_of("openai:gpt-4o-mini").tools
