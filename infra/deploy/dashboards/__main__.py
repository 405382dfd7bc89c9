"""Writes `grafana/dashboards/*.json`: `python -m infra.deploy.dashboards` (`make dashboards`)."""

from pathlib import Path

from grafana_foundation_sdk.builders.dashboard import Dashboard
from grafana_foundation_sdk.cog.encoder import JSONEncoder

from infra.deploy.dashboards.livekit import livekit
from infra.deploy.dashboards.system import system
from infra.deploy.dashboards.voice_agent import voice_agent

FOLDER = Path(__file__).parents[1] / "monitoring" / "grafana" / "dashboards"


def dashboards() -> dict[str, Dashboard]:
    """Return the dashboards by the names of their files."""
    return {"livekit.json": livekit(), "system.json": system(), "voice-agent.json": voice_agent()}


def text(dashboard: Dashboard) -> str:
    """Return a dashboard as Grafana reads it."""
    built = dashboard.build()
    for number, panel in enumerate(built.panels or (), 1):
        panel.id_val = number  # Grafana would choose one, anew each time
    return JSONEncoder(sort_keys=True, indent=2).encode(built) + "\n"


if __name__ == "__main__":
    for name, dashboard in dashboards().items():
        (FOLDER / name).write_text(text(dashboard))
        print(f"wrote {name}")
