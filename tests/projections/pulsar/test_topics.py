"""Sending to the topics: what fails is noticed, though nobody is told of each message."""

import asyncio
import urllib.request

import pytest

from infra.settings import Settings
from infra.system.pulsar import PulsarServer
from projections.pulsar.admin import provision
from projections.pulsar.routing import CONVERSATION, TopicMessage
from projections.pulsar.topics import open_topics
from tests.waiting import until

pytestmark = pytest.mark.e2e


def message(sequence: int, payload: bytes = b"a fact") -> TopicMessage:
    return TopicMessage(CONVERSATION, sequence, payload, "s-1", {"sequence": str(sequence)}, 0)


async def test_a_message_that_is_too_big_is_a_problem_that_names_the_fact(config: Settings) -> None:
    await asyncio.to_thread(provision, config)
    topics = await open_topics(config)
    try:
        topics.send(message(1))
        assert topics.problem is None
        topics.send(message(2, b"x" * 6_000_000))
        assert topics.problem == "fact 2 was not stored: MessageTooBig"
    finally:
        await asyncio.to_thread(topics.close)


async def test_a_message_that_the_broker_refuses_is_a_problem(config: Settings, pulsar_server: PulsarServer) -> None:
    await asyncio.to_thread(provision, config)
    topics = await open_topics(config)
    try:
        topics.send(message(1))
        await until(lambda: topics.stored()[CONVERSATION] == 1, within_s=10)
        terminate = (
            f"{pulsar_server.admin_url}/admin/v2/persistent/{CONVERSATION.removeprefix('persistent://')}/terminate"
        )
        request = urllib.request.Request(terminate, method="POST")
        await asyncio.to_thread(urllib.request.urlopen, request, timeout=10)
        topics.send(message(2))
        await until(lambda: topics.stored() and topics.problem is not None, within_s=10)
        assert "was not stored" in (topics.problem or "")
    finally:
        await asyncio.to_thread(topics.close)
