"""The doctor asks NATS what its users may do, and names what the processes here lack."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from contracts.topology import REASONING, SYNTHESIS
from infra.log.nats_reach import connect_once
from infra.log.nats_users import write_users
from infra.log.permissions import permissions_of
from infra.settings import settings
from infra.system.doctor.finding import Finding
from infra.system.doctor.nats_users import Allowed, allowed_by, covers, examine_users, lacks, meet
from tests.servers import running_nats


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    yield monkeypatch
    settings.cache_clear()


async def asked(given: pytest.MonkeyPatch, url: str, **values: str) -> dict[str, Finding]:
    given.setenv("DAREDEVIL_NATS_URL", url)
    for name, value in values.items():
        given.setenv(f"DAREDEVIL_NATS_{name.upper()}", value)
    settings.cache_clear()
    nc = await connect_once(url)
    try:
        found = await examine_users(settings(), nc)
    finally:
        await nc.close()
    return {finding.detail.partition(" ")[0]: finding for finding in found}


async def test_a_server_that_asks_nobody_stops_nobody(tmp_path: Path, given: pytest.MonkeyPatch) -> None:
    async with running_nats(tmp_path) as server:
        [found] = (await asked(given, server.url)).values()
        assert (found.state, "everybody may do everything" in found.detail) == ("warning", True)


async def test_each_process_here_is_asked_for_with_its_own_keys(tmp_path: Path, given: pytest.MonkeyPatch) -> None:
    users = write_users(tmp_path / "keys").read_text()
    # As a version wrote it whose synthesis appended no facts, and took no events.
    older = users.replace('"voice.*.clause.synthesized", ', "").replace('"$JS.ACK.VOICE.synthesis.>", ', "")
    assert len(older) < len(users)
    async with running_nats(tmp_path / "nats", more=older) as server:
        found = await asked(given, server.url, nkey_file=str(tmp_path / "keys" / "{process}.nk"))
    assert found[REASONING].state == "ok"
    assert found[SYNTHESIS].state == "warning"
    assert "publish to voice.*.clause.synthesized" in found[SYNTHESIS].detail
    assert "$JS.ACK.VOICE.synthesis.>" in found[SYNTHESIS].detail
    assert "nats-users" in found[SYNTHESIS].remedy


async def test_one_user_for_all_may_do_too_much(tmp_path: Path, given: pytest.MonkeyPatch) -> None:
    users = "authorization { users: [ { user: sam, password: secret } ] }\n"
    async with running_nats(tmp_path, more=users) as server:
        [found] = (await asked(given, server.url, user="sam", password="secret")).values()
        assert (found.state, "it can forge facts" in found.detail) == ("ok", True)


async def test_a_server_that_does_not_say_is_not_guessed_at(tmp_path: Path, given: pytest.MonkeyPatch) -> None:
    users = (
        'authorization { users: [ { user: sam, password: secret, permissions: { publish: { deny: ["$SYS.>"] } } } ] }\n'
    )
    async with running_nats(tmp_path, more=users) as server:
        [found] = (await asked(given, server.url, user="sam", password="secret")).values()
        assert (found.state, "does not say" in found.detail) == ("warning", True)


def test_what_is_denied_is_lacking_even_in_part() -> None:
    needs = permissions_of(SYNTHESIS)
    whole = Allowed(needs.publish, needs.subscribe)
    second = Allowed(needs.jetstream, ())
    assert lacks("it", whole, second, [SYNTHESIS]).state == "ok"
    data = {"permissions": {"publish": {"deny": ["voice.s-1.>"]}, "subscribe": {}}}
    assert "publish to voice." in lacks("it", allowed_by(data), second, [SYNTHESIS]).detail


@pytest.mark.parametrize(
    ("pattern", "subject", "does"),
    [
        (">", "a.>", True),
        ("a.>", "a.b.*", True),
        ("a.>", "a", False),
        ("a.*", "a.b", True),
        ("a.*", "a.>", False),
        ("a.b", "a.*", False),
        ("a.*.c", "a.b.c", True),
        ("a.b", "a.b.c", False),
        ("a.b.c", "a.b", False),
    ],
)
def test_a_pattern_covers_what_it_has_whole(pattern: str, subject: str, does: bool) -> None:
    assert covers(pattern, subject) is does


def test_patterns_meet_where_both_have_a_subject() -> None:
    assert meet("voice.s-1.>", "voice.*.turn.ended")
    assert not meet("voice.s-1", "voice.*.turn.ended")
    assert not meet("voice.*.turn.begun", "voice.*.turn.ended")
