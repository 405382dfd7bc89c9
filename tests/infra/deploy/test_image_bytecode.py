"""The bytecode in the images: of what their processes import, and the same whenever it is made."""

import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).parents[3] / "infra" / "deploy" / "image" / "compile_imported.py"
CHECKED_HASH = 0b11
"""The flags of bytecode that names the hash of its source (PEP 552)."""


def test_what_is_imported_is_compiled_and_names_the_hash_of_its_source_not_its_time(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(tmp_path)], check=True, timeout=60)
    [packages] = tmp_path.glob("lib/python3*/site-packages")
    (packages / "yaml.py").write_text("import imported_by_it\n")
    (packages / "imported_by_it.py").write_text("")
    (packages / "never_imported.py").write_text("")
    python = str(tmp_path / "bin" / "python")
    # Isolated: the variables of Python that this test runs with may put bytecode elsewhere.
    done = subprocess.run([python, "-I", str(SCRIPT)], capture_output=True, text=True, check=True, timeout=60)
    assert "not compiled: onnxruntime (No module named 'onnxruntime')" in done.stderr
    assert "not compiled: yaml" not in done.stderr
    flags = {path.name.partition(".")[0]: path.read_bytes()[4] for path in packages.glob("__pycache__/*.pyc")}
    assert flags == {"yaml": CHECKED_HASH, "imported_by_it": CHECKED_HASH}
