"""ONNX Runtime reports its use to its maker, from a store in the home folder: not from our processes."""

import os
import subprocess
import sys
from pathlib import Path

RUNS_A_MODEL = """
import infra.engines
from livekit.plugins.silero.onnx_model import new_inference_session

new_inference_session(True)
"""


def test_a_process_that_runs_a_model_reports_to_nobody(tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "ORT_DISABLE_TELEMETRY"}
    home = {"HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path)}
    subprocess.run([sys.executable, "-c", RUNS_A_MODEL], env={**environment, **home}, check=True, timeout=60)
    assert [path for path in tmp_path.rglob("*") if "onnxruntime" in path.name] == []
