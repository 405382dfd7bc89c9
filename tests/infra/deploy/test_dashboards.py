"""Grafana's dashboards are what the code says, as Grafana reads them; the panels fit beside each other."""

import json
from itertools import pairwise
from typing import Any

import pytest
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard

from infra.deploy.dashboards.__main__ import FOLDER as WRITTEN
from infra.deploy.dashboards.__main__ import dashboards as built
from infra.deploy.dashboards.__main__ import text
from tests.infra.deploy.monitoring import FOLDER, dashboards, read
from tests.yaml_text import read_yaml

NAMES = ("livekit", "system", "voice-agent")
WIDTH = 24


def test_the_files_are_what_the_code_says() -> None:
    assert {name: text(dashboard) for name, dashboard in built().items()} == {
        path.name: path.read_text() for path in WRITTEN.iterdir()
    }, "the dashboards are out of date: run `make dashboards`"


@pytest.mark.parametrize("name", NAMES)
def test_grafanas_own_types_lose_nothing_of_a_dashboard(name: str) -> None:
    register_default_plugins()
    read_back = Dashboard.from_json(dashboards()[name])
    assert json.loads(JSONEncoder().encode(read_back)) == dashboards()[name]


@pytest.mark.parametrize("name", NAMES)
def test_each_panel_has_its_place_its_source_and_says_what_it_shows(name: str) -> None:
    panels: list[dict[str, Any]] = dashboards()[name]["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    for panel in panels:
        assert panel["gridPos"]["x"] + panel["gridPos"]["w"] <= WIDTH, panel["title"]
        if panel["type"] != "row":
            assert panel["description"], panel["title"]
            assert panel["datasource"] == {"type": "prometheus", "uid": "prometheus"}
            assert panel["targets"]
    for one, other in pairwise(panels):
        assert not _overlap(one["gridPos"], other["gridPos"]), (one["title"], other["title"])


def _overlap(one: dict[str, int], other: dict[str, int]) -> bool:
    return all(one[at] < other[at] + other[size] and other[at] < one[at] + one[size] for at, size in ("xw", "yh"))


def test_a_panel_with_several_curves_names_them_differently() -> None:
    for dashboard in dashboards().values():
        for panel in dashboard["panels"]:
            legends = [target.get("legendFormat", "") for target in panel.get("targets", ())]
            assert len(set(legends)) == len(legends), panel["title"]


def test_what_panels_and_links_read_from_is_provisioned() -> None:
    folder = FOLDER / "grafana" / "provisioning"
    sources = read("grafana/provisioning/datasources/daredevil.yaml")["datasources"]
    assert {source["uid"]: source["type"] for source in sources} == {
        uid: uid for uid in ("prometheus", "loki", "jaeger")
    }
    for path in folder.rglob("*.yaml"):
        assert read_yaml(path.read_text())["apiVersion"] == 1
    for uid in ("datasourceUid: jaeger", "datasourceUid: loki"):
        assert uid in (folder / "datasources" / "daredevil.yaml").read_text()
