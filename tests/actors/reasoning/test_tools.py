import json
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from actors.reasoning.tools import call_id_of, time_zone, times_in
from infra.agents.errors import ToolFailed


def test_the_time_is_told_for_places_and_refused_for_others() -> None:
    known = json.loads(times_in({"time_zone": "Tokyo"}, ""))
    assert known["place"] == "Tokyo"
    assert str(time_zone("america/new_york")) == "America/New_York"
    with pytest.raises(ToolFailed, match="Middle Earth"):
        times_in({"time_zone": "Middle Earth"}, "")


@pytest.mark.parametrize("named", ["tokyo and in paris", "Tokyo, Paris", "Tokyo & Paris", "Tokyo; and Paris"])
def test_the_time_is_told_for_several_places_at_once(named: str) -> None:
    result = times_in({"time_zone": named}, "")
    tokyo, paris = json.loads(result)["places"]
    assert (tokyo["place"].lower(), paris["place"].lower()) == ("tokyo", "paris")


def test_of_several_places_those_that_are_not_known_are_named() -> None:
    result = times_in({"time_zone": "Atlantis, Tokyo, here"}, "")
    known = json.loads(result)
    assert [each["place"] for each in known["places"]] == ["Tokyo", ""]
    assert known["not_known"] == ["Atlantis"]
    with pytest.raises(ToolFailed, match=r"Atlantis.*Middle Earth"):
        times_in({"time_zone": "Atlantis and Middle Earth"}, "")


def test_a_place_with_an_and_in_its_name_is_one() -> None:
    assert json.loads(times_in({"time_zone": "Port of Spain"}, ""))["place"] == "Port of Spain"
    assert json.loads(times_in({"time_zone": "Antigua and Barbuda"}, "")).get("places") is None


@pytest.mark.parametrize("place", ["", "local", "here"])
def test_a_zone_that_may_not_be_the_callers_is_named(place: str) -> None:
    unknown = json.loads(times_in({"time_zone": place}, ""))
    assert unknown["zone"]
    assert "not known" in unknown["note"]


def test_in_the_callers_own_zone_none_is_named() -> None:
    known = json.loads(times_in({}, "Asia/Kathmandu"))
    assert "zone" not in known
    there = datetime.now(ZoneInfo("Asia/Kathmandu"))
    assert known["date"] == f"{there:%A}, {there:%B} {there.day}, {there.year}"


def test_the_same_call_has_the_same_id_and_the_next_another() -> None:
    assert call_id_of("r", "t", {"a": 1, "b": 2}, 0) == call_id_of("r", "t", {"b": 2, "a": 1}, 0)
    assert call_id_of("r", "t", {}, 0) != call_id_of("r", "t", {}, 1)
