"""What dashboards and alerts ask for is measured: a metric that was renamed leaves no panel empty."""

import re
from pathlib import Path

import pytest

from infra.metrics.metric import Histogram
from infra.metrics.samples import name_of
from infra.metrics.table import METRICS
from tests.infra.deploy.monitoring import FOLDER

FILES = [*FOLDER.glob("*.yaml"), *(FOLDER / "grafana" / "dashboards").glob("*.json")]
OURS = re.compile(r"\b(?:daredevil|gen_ai|messaging|process)_[a-z0-9_]+\b(?!:)")


def known() -> set[str]:
    """Return the names of all series and labels."""
    names = {attribute.key.replace(".", "_") for metric in METRICS for attribute in metric.attributes}
    for metric in METRICS:
        suffixes = ("_bucket", "_sum", "_count") if isinstance(metric, Histogram) else ("",)
        names |= {name_of(metric) + suffix for suffix in suffixes}
    return names


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_each_metric_in_a_file_is_in_the_table(path: Path) -> None:
    assert set(OURS.findall(path.read_text())) <= known()
