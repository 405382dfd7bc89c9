import json

import pytest

from bridge.livekit.wanted import wanted_in
from infra.agents.card import AgentCard, AgentCards
from infra.agents.choosing import AgentWanted

CARDS = AgentCards(
    agents=(AgentCard(name="front"), AgentCard(name="billing", numbers=("+49 30 1",)), AgentCard(name="night"))
)
SAYS = json.dumps({"agent": "billing", "variables": {"shop": "Da Mario"}})


@pytest.mark.parametrize(
    ("dispatch", "dispatched", "room", "attributes", "agent"),
    [
        ("", "", "", {}, ""),
        (SAYS, "", '{"agent": "night"}', {"daredevil.agent": "front"}, "billing"),
        ("", "", SAYS, {"daredevil.agent": "front"}, "billing"),
        ("", "night", "", {"sip.trunkPhoneNumber": "+49301", "daredevil.agent": "front"}, "billing"),
        ("", "night", "", {"daredevil.agent": "front"}, "front"),
        ("", "night", "", {}, "night"),
        ("", "voice-worker", "", {}, ""),
        ("not ours", "", '["nor", "this"]', {}, ""),
        ('{"agent": 5, "variables": []}', "", "", {}, ""),
        ('{"agent": "gone"}', "", "", {}, "gone"),
    ],
)
def test_what_is_nearest_to_the_room_says_which_agent(
    dispatch: str, dispatched: str, room: str, attributes: dict[str, str], agent: str
) -> None:
    assert wanted_in(CARDS, dispatch, dispatched, room, attributes).agent == agent


def test_variables_come_from_all_of_them() -> None:
    attributes = {"daredevil.variable.shop": "x", "daredevil.variable.table": "4", "other": "y"}
    assert wanted_in(CARDS, "", "", SAYS, attributes) == AgentWanted("billing", {"shop": "Da Mario", "table": "4"})


def test_variables_that_cannot_be_are_left_out() -> None:
    assert wanted_in(CARDS, "", "", "", {"daredevil.variable.to day": "x"}).variables == {}
