"""Schemas for kubeconform, without a network of its own: `python scripts/kubernetes_schemas.py [FOLDER]`.

FOLDER is ${XDG_CACHE_HOME:-~/.cache}/daredevil/kubernetes-schemas unless it is given; nothing is done where they are
already. Kubernetes's own come from the package kubernetes-validate (strict: no field that it does not know). Those of
KEDA, of the Prometheus operator and of Chaos Mesh are in their Go modules, which `go mod download` checks by hash.
"""

import importlib.resources
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import yaml

KUBERNETES = "1.33.0"
CUSTOM = {
    # The newest module of Chaos Mesh that has its definitions in it; the fields in use are the same in its version 2.
    "github.com/chaos-mesh/chaos-mesh@v1.2.4": (
        "config/crd/bases/chaos-mesh.org_podchaos.yaml",
        "config/crd/bases/chaos-mesh.org_networkchaos.yaml",
    ),
    "github.com/kedacore/keda/v2@v2.17.2": ("config/crd/bases/keda.sh_scaledobjects.yaml",),
    "github.com/prometheus-operator/prometheus-operator@v0.83.0": (
        "example/prometheus-operator-crd/monitoring.coreos.com_podmonitors.yaml",
        "example/prometheus-operator-crd/monitoring.coreos.com_prometheusrules.yaml",
    ),
}


def main(folder: Path) -> None:
    """Write what is missing to the folder."""
    made = json.dumps([KUBERNETES, sorted(CUSTOM.items())])
    stamp = folder / "made-of.json"
    if stamp.exists() and stamp.read_text() == made:
        return
    folder.mkdir(parents=True, exist_ok=True)
    print(f"writing schemas of Kubernetes {KUBERNETES}, KEDA, the Prometheus operator and Chaos Mesh to {folder}")
    _kubernetes(folder)
    with tempfile.TemporaryDirectory() as work:
        for module, files in CUSTOM.items():
            source = _downloaded(module, Path(work))
            for file in files:
                _custom(source / file, folder)
    stamp.write_text(made)


def _kubernetes(folder: Path) -> None:
    source = importlib.resources.files("kubernetes_validate") / "kubernetes-json-schema" / f"v{KUBERNETES}-local-strict"
    for schema in source.iterdir():
        if schema.name == "all.json":
            continue
        # kubeconform looks for what a schema refers to beside it, unless the schema says that it is from elsewhere.
        whole = json.loads(schema.read_text().replace('"/api/_definitions.json#', '"_definitions.json#'))
        whole.pop("$id", None)
        (folder / schema.name).write_text(json.dumps(whole))


def _downloaded(module: str, work: Path) -> Path:
    download = subprocess.run(["go", "mod", "download", "-json", module], cwd=work, capture_output=True, text=True)
    answer = json.loads(download.stdout or "{}")
    if "Dir" not in answer:
        raise SystemExit(f"{module} could not be had: {answer.get('Error', download.stderr)}")
    return Path(answer["Dir"])


def _custom(definition: Path, folder: Path) -> None:
    (resource,) = (each for each in yaml.safe_load_all(definition.read_text()) if each)
    spec = resource["spec"]
    for version in spec["versions"]:
        schema = version["schema"]["openAPIV3Schema"] if "schema" in version else spec["validation"]["openAPIV3Schema"]
        group = spec["group"].split(".")[0]
        name = f"{spec['names']['kind']}-{group}-{version['name']}".lower()
        (folder / f"{name}.json").write_text(json.dumps(_strict(schema)))


def _strict(schema: Any) -> Any:
    """Return a schema that refuses fields it does not name, where it names some."""
    if isinstance(schema, list):
        return [_strict(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    strict = {key: _strict(value) for key, value in schema.items()}
    if isinstance(schema.get("properties"), dict) and schema.get("type") == "object":
        strict.setdefault("additionalProperties", False)
    return strict


if __name__ == "__main__":
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    main(Path(sys.argv[1]) if sys.argv[1:] else cache / "daredevil" / "kubernetes-schemas")
