"""`make test` keeps tests in one process that share what is slow to start."""

from tests.side_by_side import unit_of


def test_modules_that_share_servers_are_one_unit_and_any_other_is_its_own() -> None:
    assert unit_of("tests/e2e/test_call.py") == unit_of("tests/e2e/test_room_call.py") == "the shared system"
    assert unit_of("tests/e2e/test_faults.py") == unit_of("tests/e2e/test_say_in_a_room.py") == "systems of their own"
    assert unit_of("tests/bridge/livekit/test_stored.py") == "the shared bridge"
    assert unit_of("tests/bridge/page/test_player.py") == unit_of("tests/bridge/page/test_facts.py") == "the page"
    assert unit_of("tests/projections/pulsar/test_faults.py") == unit_of("tests/projections/pulsar/test_pulsar.py")
    for alone in ("tests/bridge/livekit/test_faults.py", "tests/bridge/livekit/test_state.py"):
        assert unit_of(alone) == alone
