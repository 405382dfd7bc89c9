"""Names across the border between LiveKit and the log."""

from hypothesis import given
from hypothesis import strategies as st

from contracts.ids import is_id
from infra.livekit.naming import agent_identity, participant_of_identity, session_of_room


def test_a_room_instance_is_one_session_and_the_next_another() -> None:
    assert session_of_room("RM_aBc") == session_of_room("RM_aBc")
    assert session_of_room("RM_aBc") != session_of_room("RM_abc")
    assert is_id(session_of_room("RM_aBc"))
    assert agent_identity(session_of_room("RM_aBc")).startswith("agent-lk-")


def test_an_identity_that_can_be_an_id_stays_as_it_is() -> None:
    assert participant_of_identity("ada-1") == "ada-1"


def test_the_name_of_the_agent_is_reserved() -> None:
    assert participant_of_identity("agent") != "agent"


def test_identities_that_differ_in_what_was_changed_stay_different() -> None:
    ids = {participant_of_identity(identity) for identity in ("Ada", "ada", "ADA", "ada.", "ada@x.org", "sip_+4930123")}
    assert len(ids) == 6
    assert participant_of_identity("sip_+4930123").startswith("sip-4930123-")


@given(st.text())
def test_any_identity_becomes_an_id_and_always_the_same(identity: str) -> None:
    assert is_id(participant_of_identity(identity))
    assert participant_of_identity(identity) == participant_of_identity(identity)
