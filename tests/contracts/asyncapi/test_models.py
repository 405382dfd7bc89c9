"""Classes made from asyncapi.yaml by a public generator: they are there for every event, and compile."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from contracts.asyncapi.document import PATH
from contracts.topology import EVENTS

pytestmark = pytest.mark.slow

GENERATOR = Path(__file__).parents[2] / "asyncapi_models"


def run(*command: object, cwd: Path, **environment: str) -> str:
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return done.stdout


@pytest.fixture(scope="module")
def classes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the classes of every language, and their names in `names.json`."""
    node = shutil.which("node")
    if node is None or not (GENERATOR / "node_modules").is_dir():
        pytest.skip("needs node and Modelina: install nodejs and npm, then `make test` fetches it")
    folder = tmp_path_factory.mktemp("classes")
    (folder / "names.json").write_text(run(node, GENERATOR / "generate.mjs", PATH, folder, cwd=GENERATOR))
    return folder


def test_every_event_has_a_class_in_each_language_and_none_is_nameless(classes: Path) -> None:
    made = json.loads((classes / "names.json").read_text())
    assert set(made) == {"typescript", "java", "csharp", "go", "python"}
    for language, names in made.items():
        assert {row.event.__name__ for row in EVENTS} <= set(names), language
        assert [name for name in names if "anonymous" in name.lower()] == [], language
        assert len(names) == len(set(names)), f"{language}: classes that overwrite each other"
        assert "TurnPassedReason" in names


def test_typescript_compiles(classes: Path) -> None:
    sources = sorted((classes / "typescript").glob("*.ts"))
    run(GENERATOR / "node_modules" / ".bin" / "tsc", "--noEmit", "--strict", *sources, cwd=classes)
    assert "timeNs: number" in (classes / "typescript" / "TurnEnded.ts").read_text()


def test_java_compiles_with_longs_for_64_bits(classes: Path, tmp_path: Path) -> None:
    javac = shutil.which("javac")
    if javac is None:
        pytest.skip("needs a Java compiler (openjdk-17-jdk-headless)")
    run(javac, "-d", tmp_path, *sorted((classes / "java").glob("*.java")), cwd=classes)
    assert "long timeNs" in (classes / "java" / "TurnEnded.java").read_text()


def test_go_compiles(classes: Path, tmp_path: Path) -> None:
    go = shutil.which("go")
    if go is None:
        pytest.skip("needs Go")
    (classes / "go" / "go.mod").write_text("module events\n\ngo 1.21\n")
    run(go, "build", "./...", cwd=classes / "go", GOCACHE=str(tmp_path), GOFLAGS="-mod=mod")


def test_python_classes_can_be_imported(classes: Path) -> None:
    modules = [f"python.{path.stem}" for path in sorted((classes / "python").glob("*.py"))]
    script = f"import importlib; [importlib.import_module(name) for name in {modules}]"
    run(sys.executable, "-c", script, cwd=classes, PYTHONPATH=str(classes))


def in_csharp_7(source: str, value_types: set[str]) -> str:
    """Modelina writes C# 8; Mono's compiler, which Debian has, knows C# 7: `?` after what is a reference goes."""
    annotated = re.compile(r"([\w>\]]+)\?(?= )")
    plain = annotated.sub(lambda found: found[0] if found[1] in value_types else found[1], source)
    return plain.replace("(dynamic value)", "(string value)")  # Mono cannot switch on a dynamic value


def test_csharp_compiles_with_longs_for_64_bits(classes: Path, tmp_path: Path) -> None:
    mcs = shutil.which("mcs")
    if mcs is None:
        pytest.skip("needs a C# compiler (mono-mcs)")
    sources = {path.name: path.read_text() for path in (classes / "csharp").glob("*.cs")}
    enums = {name for source in sources.values() for name in re.findall(r"enum (\w+)", source)}
    for name, source in sources.items():
        (tmp_path / name).write_text(in_csharp_7(source, enums | {"int", "long", "double", "bool"}))
    run(mcs, "-target:library", "-out:events.dll", *sorted(sources), cwd=tmp_path)
    assert (tmp_path / "events.dll").stat().st_size > 0
    assert "long timeNs" in sources["TurnEnded.cs"]
