"""`daredevil bench turns` and `daredevil tune turns`, on labelled pauses that are scored already."""

import json
from pathlib import Path

from actors.transcript.patience import TurnWeights
from infra.bench.turn_events import as_plain
from tests.infra.bench.test_turns import some
from tests.infra.cli.command import cli


def _written(folder: Path) -> str:
    (folder / "events.json").write_text(json.dumps([as_plain(each) for each in some()]))
    return str(folder)


def test_the_curve_and_each_patience_are_shown(tmp_path: Path) -> None:
    code, output, _ = cli("bench", "turns", "--events", _written(tmp_path), "--keep", str(tmp_path / "kept.json"))
    assert code == 0
    assert "ends committed at once with 5% of the pauses cut" in output
    assert all(patience in output for patience in ("quick", "balanced, held out", "patient"))
    assert "pauses cut   ends committed at once" in output
    assert len(json.loads((tmp_path / "kept.json").read_text())) == 240


def test_fitted_weights_are_what_the_setting_takes(tmp_path: Path) -> None:
    target = tmp_path / "weights.json"
    code, output, _ = cli("tune", "turns", "--events", _written(tmp_path), "--out", str(target))
    assert code == 0
    assert TurnWeights.read(target.read_text()).source.startswith("120 ends and 120 pauses of 12 speakers")
    assert "with the weights in force" in output
    code, output, _ = cli("bench", "turns", "--events", str(tmp_path), "--weights", str(target), "--json")
    assert (code, json.loads(output)["scored"]) == (0, 240)


def test_what_cannot_be_measured_is_said(tmp_path: Path) -> None:
    assert cli("bench", "turns") == cli("bench", "turns", "--log", "30d")
    code, _, errors = cli("bench", "turns", "--log", "soon")
    assert (code, "--log soon: give an age such as 2d" in errors) == (2, True)
    code, _, errors = cli("bench", "turns", "--log", "30d", "--events", str(tmp_path))
    assert (code, "one of both" in errors) == (2, True)
    code, _, errors = cli("tune", "turns")
    assert (code, "which conversations?" in errors) == (2, True)
    (tmp_path / "events.json").write_text(json.dumps([as_plain(each) for each in some(12)]))
    code, _, errors = cli("tune", "turns", "--events", str(tmp_path))
    assert (code, "too few" in errors) == (1, True)
    code, output, _ = cli("bench", "turns", "--events", str(tmp_path))
    assert (code, "too few ends and pauses to hold speakers out" in output, "balanced" in output) == (0, True, True)
    (tmp_path / "bad.json").write_text("{}")
    code, _, errors = cli("bench", "turns", "--events", str(tmp_path), "--weights", str(tmp_path / "bad.json"))
    assert (code, "bad.json: not the weights of a turn: 'weights' is missing" in errors) == (2, True)
    code, _, errors = cli("tune", "turns", "--events", str(tmp_path), "--out", str(tmp_path / "none" / "w.json"))
    assert (code, "--out" in errors, "there is no directory" in errors) == (2, True, True)
    code, _, errors = cli("bench", "turns", "--events", str(tmp_path), "--keep", str(tmp_path))
    assert (code, f"--keep {tmp_path}: this is a directory" in errors) == (2, True)
