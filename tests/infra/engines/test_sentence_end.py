"""How likely words end, by the local model."""

import asyncio
import math
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.engines.llm import LlmNotFound
from infra.engines.sentence_end import NoScore, SentenceEnds, ending_share, joined, spoken_together
from infra.settings import Settings
from tests.infra.log.nats_secrets import certificates

MESSAGES = [("system", "Be kind."), ("user", "I would like")]


def test_the_recognisers_marks_at_pauses_are_not_what_was_said() -> None:
    text = "I have a question about. My last bill."
    assert spoken_together(text, (25,)) == "I have a question about my last bill"
    assert spoken_together("Is it far? I have no car.", ()) == "Is it far? I have no car"
    assert spoken_together("Wait, I'm not sure", (5,)) == "Wait I'm not sure"
    assert spoken_together("...", ()) == ""
    assert spoken_together("Hello.", (0, 6, 99)) == "Hello"
    # A quotation that the recogniser opens by itself would have to be closed first.
    assert spoken_together("\"'Please remind me to call my mother.", ()) == "Please remind me to call my mother"


def test_the_marks_at_pauses_are_left_out_and_the_last_one_stays() -> None:
    assert joined("I have a question about. My last bill?", (25,)) == "I have a question about my last bill?"
    assert joined("Is it far? I have no car.", ()) == "Is it far? I have no car."
    assert joined("Wait, I'm not sure,", (5,)) == "Wait I'm not sure,"


@given(st.text(), st.lists(st.integers(0, 50), min_size=1))
def test_joined_words_begin_with_the_words_that_are_scored(text: str, pauses: list[int]) -> None:
    assert joined(text, pauses).startswith(spoken_together(text, pauses))


def test_the_share_of_ends_is_of_the_tokens_that_end_a_sentence_or_the_message() -> None:
    tokens = [
        {"token": ".", "logprob": math.log(0.4)},
        {"token": "?", "logprob": math.log(0.1)},
        {"token": "<|im_end|>", "logprob": math.log(0.05)},
        {"token": " and", "logprob": math.log(0.3)},
        {"token": ",", "logprob": math.log(0.1)},
    ]
    assert ending_share(tokens) == pytest.approx(0.55)
    unreadable: list[list[dict[str, object]]] = [
        [{"token": ".", "logprob": math.nan}],
        [{"token": ".", "logprob": 5.0}],
        [{"logprob": 0}],
        [{}],
    ]
    for bad in unreadable:
        with pytest.raises(NoScore):
            ending_share(bad)


@asynccontextmanager
async def answering(answers: dict[str, Any]) -> AsyncIterator[tuple[SentenceEnds, list[dict[str, Any]]]]:
    """Yield what asks a server with these answers, and what it was asked."""
    asked: list[dict[str, Any]] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append({"path": request.url.path, "body": request.read().decode()})
        found = answers[request.url.path]
        return found if isinstance(found, httpx.Response) else httpx.Response(200, json=found)

    ends = SentenceEnds(Settings(llm_url="http://127.0.0.1:9"), transport=httpx.MockTransport(answer))
    try:
        yield ends, asked
    finally:
        await ends.aclose()


TEMPLATED = {"prompt": "<system>Be kind.</system><user>I would like</user><assistant>"}
SCORED = {"completion_probabilities": [{"top_logprobs": [{"token": ".", "logprob": math.log(0.25)}]}]}


async def test_the_model_reads_the_words_as_a_message_that_is_still_open() -> None:
    async with answering({"/apply-template": TEMPLATED, "/completion": SCORED}) as (ends, asked):
        assert await ends.probability(MESSAGES) == pytest.approx(0.25)
        assert await ends.probability([MESSAGES[0], ("user", "I would like a")]) == pytest.approx(0.25)
    assert '"prompt":"<system>Be kind.</system><user>I would like"' in asked[1]["body"]
    # What comes before the words stays the same while they are said: it is asked for once.
    assert [each["path"] for each in asked] == ["/apply-template", "/completion", "/completion"]
    assert '"prompt":"<system>Be kind.</system><user>I would like a"' in asked[2]["body"]


@pytest.mark.parametrize(
    "answers",
    [
        {"/apply-template": httpx.Response(404)},
        {"/apply-template": {"prompt": "something else"}, "/completion": SCORED},
        {"/apply-template": TEMPLATED, "/completion": {"content": "."}},
        {"/apply-template": TEMPLATED, "/completion": httpx.Response(200, text="busy")},
        {"/apply-template": TEMPLATED, "/completion": httpx.Response(200, json=[])},
    ],
)
async def test_a_server_that_cannot_score_is_told_as_such(answers: dict[str, Any]) -> None:
    async with answering(answers) as (ends, _):
        with pytest.raises(NoScore):
            await ends.probability(MESSAGES)


async def test_a_connection_that_the_server_has_just_closed_costs_no_score() -> None:
    lost = httpx.RemoteProtocolError("disconnected")
    answers: list[dict[str, Any] | Exception] = [lost, TEMPLATED, lost, SCORED]

    def answer(_: httpx.Request) -> httpx.Response:
        found = answers.pop(0)
        if isinstance(found, Exception):
            raise found
        return httpx.Response(200, json=found)

    ends = SentenceEnds(Settings(llm_url="http://127.0.0.1:9"), transport=httpx.MockTransport(answer))
    assert await ends.probability(MESSAGES) == pytest.approx(0.25)
    await ends.aclose()


async def test_a_server_that_is_down_gives_no_score_and_none_at_all_is_no_model(tmp_path: Any) -> None:
    ends = SentenceEnds(Settings(llm_url="http://127.0.0.1:9"))
    with pytest.raises(NoScore):
        await ends.probability(MESSAGES)
    await ends.aclose()
    nowhere = SentenceEnds(Settings(llm_url="", data_dir=tmp_path))
    with pytest.raises(LlmNotFound):
        await nowhere.probability(MESSAGES)
    await nowhere.aclose()


async def test_a_server_with_tls_is_asked_only_if_its_authority_is_trusted(tmp_path: Path) -> None:
    certificates(tmp_path)
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(tmp_path / "ours-cert.pem", tmp_path / "ours-key.pem")
    async with await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0, ssl=tls) as server:
        port = server.sockets[0].getsockname()[1]
        ends = SentenceEnds(Settings(llm_url=f"HTTPS://127.0.0.1:{port}"))
        with pytest.raises(NoScore, match="CERTIFICATE_VERIFY_FAILED"):
            await ends.probability(MESSAGES)
        await ends.aclose()
