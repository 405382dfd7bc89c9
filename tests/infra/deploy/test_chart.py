"""The chart's manifests: valid, hardened, and of this system as it is."""

import json
import re
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from contracts.topology import (
    APPS,
    BRIDGE,
    BRIDGE_LIVEKIT,
    DURABLES,
    HTTP,
    OPERATOR,
    PROJECTION_POSTGRES,
    VOICE,
    log_streams,
    mapping,
    user_of,
)
from infra.deploy import chart_settings
from infra.log.nats_users import write_users
from infra.metrics.table import METRICS
from infra.settings import Settings
from infra.system.apps import APPS as ROWS
from infra.system.apps import DOOR_SECRETS
from infra.system.nats import nats_server_path, write_nats_config
from projections import ROWS as PROJECTIONS
from tests.infra.deploy.chart import (
    CASES,
    CHART,
    EVERYTHING,
    KUBERNETES,
    SCHEMAS,
    container_of,
    each_case,
    environment,
    helm,
    manifests,
    named,
    of_kind,
    part_of,
    pods,
    selects,
    template,
    text_of,
    values,
    workloads,
)
from tests.infra.deploy.monitoring import metrics_in, read
from tests.monitoring_tools import tool
from tests.yaml_text import read_documents, read_yaml

DOORS = {BRIDGE, HTTP, BRIDGE_LIVEKIT}
STORE_SECRETS = {"DAREDEVIL_NATS_PASSWORD", "POSTGRES_PASSWORD"}


def kubeconform(*arguments: str | Path, text: str = "") -> "subprocess.CompletedProcess[str]":
    if not SCHEMAS.is_dir():
        pytest.skip("needs schemas: `make helm-tools` writes them")
    schemas = f"{SCHEMAS}/{{{{.ResourceKind}}}}{{{{.KindSuffix}}}}.json"
    command = [tool("kubeconform"), "-strict", "-summary", f"-kubernetes-version={KUBERNETES}"]
    return subprocess.run(
        [*command, "-schema-location", schemas, *(arguments or ["-"])],
        input=text,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@cache
def verdicts() -> dict[str, list[tuple[str, str]]]:
    """Return what Kubernetes' schemas say of each manifest of each case: of all at once, as reading them takes long."""
    with tempfile.TemporaryDirectory() as folder:
        for case in CASES:
            (Path(folder) / case).with_suffix(".yaml").write_text(text_of(case))
        done = kubeconform("-output=json", "-verbose", folder)
    found: dict[str, list[tuple[str, str]]] = {}
    for each in json.loads(done.stdout)["resources"]:
        found.setdefault(Path(each["filename"]).stem, []).append((each["status"], each["msg"]))
    return found


@pytest.mark.parametrize("file", ["values.yaml", "values-small.yaml", "values-large.yaml"])
def test_helm_finds_nothing_to_complain_of(file: str) -> None:
    assert "0 chart(s) failed" in helm("lint", ".", "--strict", f"--kube-version={KUBERNETES}", "-f", file)


@each_case
def test_kubernetes_takes_every_manifest(case: str) -> None:
    assert verdicts()[case.removesuffix(".yaml")] == [("statusValid", "")] * len(manifests(case))


@pytest.mark.parametrize("kind", ["Deployment", "ScaledObject", "PodMonitor"])
def test_a_field_that_kubernetes_does_not_know_is_found(kind: str) -> None:
    [manifest, *_] = of_kind("values-large.yaml", kind)
    wrong = {**manifest, "spec": {**manifest["spec"], "replica": 2}}
    assert "replica" in kubeconform(text=yaml.safe_dump(wrong)).stdout


@pytest.mark.parametrize(
    ("wrong", "named_in_error"),
    [
        ({"procesess": {}}, "procesess"),
        ({"processes": {"reasoner": {"enabled": True}}}, "reasoner"),
        ({"processes": {"reasoning": {"replica": 2}}}, "replica"),
        ({"nats": {"replicas": 2}}, "replicas"),
        ({"nats": {"inside": False}}, "nats.url"),
        ({"ingress": {"enabled": True}}, "ingress.host"),
        ({"ingress": {"enabled": True, "host": "x.org", "paths": [{"path": "/", "process": "http"}]}}, "no door"),
        ({"nats": {"inside": False, "url": "http://nats:8222"}}, "/nats/url"),
        ({"nats": {"credentials": {"kind": "creds"}}}, "creds is for a NATS elsewhere"),
        ({"llm": {"resources": {"limits": {"memory": "2 gigabytes"}}}}, "/llm/resources/limits/memory"),
        ({"postgres": {"where": "off"}}, "disable processes.projection-postgres"),
        ({"processes": {"bridge-livekit": {"enabled": True}}}, "needs settings.DAREDEVIL_LIVEKIT_URL"),
        ({"processes": {"projection-pulsar": {"enabled": True}}}, "needs settings.DAREDEVIL_PULSAR_"),
        ({**EVERYTHING, "nats": {"partitions": 4}}, "reads a log of one partition"),
        ({"settings": {"DAREDEVIL_PARTITIONS": 4}}, "set nats.partitions"),
        ({"settings": {"DAREDEVIL_DATA_DIR": "/var"}}, "is the chart's own"),
        ({"processes": {"bridge": {"replicas": -1}}}, "/processes/bridge/replicas"),
        ({"llm": {"replicas": 0}}, "/llm/replicas"),
        ({"drainSeconds": -1}, "/drainSeconds"),
        ({"secret": {"existing": ""}}, "/secret/existing"),
        ({"settings": {"DAREDEVIL_PATIENCE": "slow"}}, "settings.DAREDEVIL_PATIENCE=slow: must be one of"),
        ({"settings": {"DAREDEVIL_PATINECE": "quick"}}, "settings.DAREDEVIL_PATINECE is no setting of this version"),
        ({"settings": {"DAREDEVIL_TURN_HISTORY": -1}}, "=-1: must be a whole number, at least 0"),
        ({"settings": {"DAREDEVIL_TURN_HISTORY": "many"}}, "=many: must be a whole number, at least 0"),
        ({"settings": {"DAREDEVIL_SPECULATE": "maybe"}}, "=maybe: must be `true` or `false`"),
        ({"settings": {"DAREDEVIL_ADMIN_KEY": "k"}}, "make it a key of the Secret daredevil"),
        ({"settings": {"DAREDEVIL_AUTH": "k" * 40}}, "make it a key of the Secret daredevil"),
        ({"settings": {"DAREDEVIL_POSTGRES_URL": "postgresql://db"}}, "has no effect: set postgres.where"),
        ({"settings": {"DAREDEVIL_NATS_CREDS_FILE": "/creds"}}, "has no effect: set nats.credentials"),
        ({"settings": {"DAREDEVIL_TOOLS": "remote"}}, "enable processes.tools"),
        ({"llm": {"enabled": True}, "settings": {"DAREDEVIL_LLM_URL": "http://vllm:8000/v1"}}, "leave one of them out"),
        ({"nats": {"url": "nats://elsewhere:4222"}}, "set nats.inside to false, or leave it out"),
        ({"nats": {"credentials": {"secret": ""}}}, "name the Secret"),
        ({"nats": {"credentials": {"ca": True}}}, "nats.credentials.ca is for a NATS elsewhere"),
        ({"nats": {"inside": False, "url": "nats://sam:secret@nats"}}, "make them keys of the Secret daredevil"),
        (
            {"nats": {"inside": False, "url": "tls://nats", "credentials": {"kind": "none", "secret": "", "ca": True}}},
            "name it in nats.credentials.secret",
        ),
        ({"autoscaling": {"by": "cpu"}, "processes": {"bridge": {"replicas": 11}}}, "fewer than its replicas (11)"),
        ({"autoscaling": {"by": "keda"}, "nats": {"inside": False, "url": "nats://nats"}}, "in nats.monitoring"),
    ],
)
def test_wrong_values_are_refused_by_name(wrong: dict[str, Any], named_in_error: str) -> None:
    done = template(wrong)
    assert done.returncode != 0
    assert named_in_error in done.stderr


def rendered(values: dict[str, Any]) -> list[dict[str, Any]]:
    done = template(values)
    assert done.returncode == 0, done.stderr
    return read_documents(done.stdout)


def of_bridge(values: dict[str, Any]) -> dict[str, Any]:
    """The pod of the WebSocket's door as these values make it."""
    [found] = [
        each["spec"]["template"]
        for each in rendered(values)
        if each["kind"] == "Deployment" and each["metadata"]["name"] == "voice-bridge"
    ]
    assert isinstance(found, dict)
    return found


def test_settings_are_written_as_they_were_given() -> None:
    given: dict[str, Any] = {
        "DAREDEVIL_JOURNAL_MAX_MB": 2_000_000,
        "DAREDEVIL_TRACE_RATIO": 0.5,
        "DAREDEVIL_SPECULATE": False,
    }
    given |= {"DAREDEVIL_AUTH": "https://login.example.org/keys", "DAREDEVIL_PATIENCE": "quick", "OTEL_X": 1}
    [settings] = [each for each in rendered({"settings": given}) if each["metadata"]["name"] == "voice-settings"]
    found = {name: settings["data"][name] for name in given}
    assert list(found.values()) == ["2000000", "0.5", "false", "https://login.example.org/keys", "quick", "1"]


def test_nats_elsewhere_is_reached_at_its_ports_with_the_files_of_its_secret() -> None:
    credentials = {"secret": "nats-files", "kind": "nkey", "ca": True, "clientCertificate": True}
    values = {"nats": {"inside": False, "url": "tls://a:4443,tls://b", "credentials": credentials}}
    pod = of_bridge(values)
    given = {each["name"]: each.get("value") for each in container_of(pod)["env"]}
    named_files = {name: given[f"DAREDEVIL_NATS_{name}_FILE"] for name in ("NKEY", "TLS_CA", "TLS_CERT", "TLS_KEY")}
    items = {item["path"] for item in files_of(pod, "nats")["items"]}
    assert items == {"bridge.nk", "ca.crt", "tls.crt", "tls.key"}
    assert {Path(file.replace("{process}", "bridge")).name for file in named_files.values()} == items
    [policy] = [
        each
        for each in rendered(values)
        if each["kind"] == "NetworkPolicy" and each["metadata"]["name"] == "voice-test"
    ]
    assert policy["spec"]["egress"][0]["ports"] == [{"port": 4443}, {"port": 4222}]


def test_nats_elsewhere_with_a_password_gives_pods_no_files() -> None:
    pod = of_bridge({"nats": {"inside": False, "url": "nats://a", "credentials": {"kind": "none"}}})
    assert {volume["name"] for volume in pod["spec"]["volumes"]} == {"data", "tmp"}
    given = {each["name"]: each.get("valueFrom") for each in container_of(pod)["env"]}
    assert given["DAREDEVIL_NATS_PASSWORD"]["secretKeyRef"]["name"] == "daredevil"


def test_without_tables_processes_are_told_so() -> None:
    pod = of_bridge({"postgres": {"where": "off"}, "processes": {"projection-postgres": {"enabled": False}}})
    assert {"name": "DAREDEVIL_POSTGRES_URL", "value": "off"} in container_of(pod)["env"]


def test_the_chart_takes_every_default_of_the_settings() -> None:
    for variable, row in json.loads(chart_settings.text()).items():
        field = Settings.model_fields[variable.lower().removeprefix("daredevil_")]
        default = field.get_default(call_default_factory=True)
        if "pattern" in row:
            assert re.search(row["pattern"], "" if default is None else str(default)), variable


def test_every_process_of_the_system_has_its_row_with_its_own_command() -> None:
    apps = {row.name: row.app for row in ROWS}
    apps |= {row.process: row.app for row in PROJECTIONS} | {HTTP: "bridge.http:app"}
    assert {name: row["command"] for name, row in values()["processes"].items()} == {
        name: ["faststream", "run", app] for name, app in apps.items()
    }
    assert set(apps) == set(APPS)


@each_case
def test_every_variable_is_a_setting_or_of_a_library(case: str) -> None:
    known = {f"DAREDEVIL_{name.upper()}" for name in Settings.model_fields}
    variables = set(named(case, "ConfigMap", "settings")["data"])
    for part, pod in pods(case):
        if part not in ("nats", "postgres"):  # theirs are their images' own
            variables |= {each["name"] for each in container_of(pod).get("env", ())}
    assert {name for name in variables if name.startswith("DAREDEVIL_")} <= known
    others = {name for name in variables if not name.startswith("DAREDEVIL_")}
    assert all(re.fullmatch(r"OTEL_\w+|\w+_API_KEY|POSTGRES_PASSWORD", name) for name in others), others


@each_case
def test_the_settings_given_are_accepted(case: str) -> None:
    given = named(case, "ConfigMap", "settings")["data"]
    Settings.model_validate({name.lower().removeprefix("daredevil_"): value for name, value in given.items()})


@each_case
def test_nobody_is_given_the_secrets_of_another(case: str) -> None:
    for part, pod in pods(case):
        given = {each["name"] for each in container_of(pod).get("env", ()) if "valueFrom" in each} - {"POD_NAME"}
        if part not in DOORS:
            assert not given & set(DOOR_SECRETS), part
        if part != "postgres" and "postgres" not in values()["processes"].get(part, {}).get("reaches", ()):
            assert not given & {"POSTGRES_PASSWORD", "DAREDEVIL_POSTGRES_URL"}, part


def test_passwords_are_read_from_the_secret_and_nowhere_else() -> None:
    for part in ("bridge", "reasoning", PROJECTION_POSTGRES):
        given = environment("values.yaml", part)["POSTGRES_PASSWORD"]["valueFrom"]["secretKeyRef"]
        assert given == {"name": "daredevil", "key": "POSTGRES_PASSWORD", "optional": False}
    assert environment("values.yaml", "reasoning")["DAREDEVIL_POSTGRES_URL"]["value"] == (
        "postgresql://daredevil:$(POSTGRES_PASSWORD)@voice-postgres:5432/daredevil"
    )
    assert not [each for case in CASES for each in manifests(case) if each["kind"] == "Secret"]


@each_case
def test_every_pod_is_hardened_and_has_no_token(case: str) -> None:
    for part, pod in pods(case):
        spec, container = pod["spec"], container_of(pod)
        assert spec["automountServiceAccountToken"] is False, part
        who = spec["securityContext"]
        assert who["runAsNonRoot"], part
        assert who["runAsUser"] > 0, part
        assert who["seccompProfile"] == {"type": "RuntimeDefault"}, part
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }, part
        assert set(container["resources"]["requests"]) == {"cpu", "memory"}, part
        assert "memory" in container["resources"]["limits"], part
        assert not container["image"].endswith(":latest"), part
    assert of_kind(case, "ServiceAccount")[0]["automountServiceAccountToken"] is False


@each_case
def test_every_workload_is_probed_spread_and_not_evicted_at_once(case: str) -> None:
    budgets = of_kind(case, "PodDisruptionBudget")
    for workload in workloads(case):
        pod, labels = workload["spec"]["template"]["spec"], workload["spec"]["template"]["metadata"]["labels"]
        [container] = pod["containers"]
        for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
            assert container[probe].get("httpGet") or container[probe].get("exec"), workload["metadata"]["name"]
        assert [
            budget["spec"]["maxUnavailable"] for budget in budgets if selects(budget["spec"]["selector"], labels)
        ] == [1]
        assert {each["topologyKey"] for each in pod["topologySpreadConstraints"]} == set(values()["spreadOver"])
        assert all(selects(each["labelSelector"], labels) for each in pod["topologySpreadConstraints"])


@each_case
def test_processes_are_asked_at_their_own_probes(case: str) -> None:
    settings = named(case, "ConfigMap", "settings")["data"]
    for part, pod in pods(case):
        if part not in APPS:
            continue
        container = container_of(pod)
        [port] = [port["containerPort"] for port in container["ports"] if port["name"] == "probes"]
        assert str(port) == settings["DAREDEVIL_PROBE_PORT"]
        assert container["livenessProbe"]["httpGet"] == {"path": "/healthz", "port": "probes"}
        assert container["readinessProbe"]["httpGet"] == {"path": "/readyz", "port": "probes"}
    assert settings["DAREDEVIL_PROBE_HOST"] == "0.0.0.0"


@each_case
def test_doors_have_time_to_drain_and_nobody_else_waits(case: str) -> None:
    for part, pod in pods(case):
        if part not in APPS:
            continue
        drain = environment(case, part).get("DAREDEVIL_DRAIN_S")
        assert (drain is not None) == (part in DOORS), part
        grace_s = pod["spec"]["terminationGracePeriodSeconds"]
        assert grace_s >= (int(drain["value"]) + 20 if drain else 20)
        if "http" in [port["name"] for port in container_of(pod)["ports"]]:
            assert container_of(pod)["lifecycle"]["preStop"]["exec"]["command"] == ["sleep", "5"]


@each_case
def test_every_service_leads_to_a_port_of_its_pods(case: str) -> None:
    for service in of_kind(case, "Service"):
        behind = [
            pod for _, pod in pods(case) if service["spec"]["selector"].items() <= pod["metadata"]["labels"].items()
        ]
        assert behind, service["metadata"]["name"]
        for port in service["spec"]["ports"]:
            assert port["targetPort"] in [each["name"] for each in container_of(behind[0])["ports"]]


def test_scalers_ask_for_consumers_and_metrics_that_exist() -> None:
    consumers = {durable.name: durable.actor for durable in DURABLES}
    scaled = of_kind("values-large.yaml", "ScaledObject")
    assert {"reasoning", "synthesis", BRIDGE_LIVEKIT} <= {part_of(each) for each in scaled}
    for each in scaled:
        [trigger] = each["spec"]["triggers"]
        if trigger["type"] == "nats-jetstream":
            assert consumers[trigger["metadata"]["consumer"]] == part_of(each)
            assert trigger["metadata"]["stream"] == VOICE
        else:
            known = {metric.name.replace(".", "_") for metric in METRICS}
            assert metrics_in(trigger["metadata"]["query"]) <= known
        assert each["spec"]["scaleTargetRef"]["name"] == each["metadata"]["name"]
        assert each["spec"]["maxReplicaCount"] > each["spec"]["minReplicaCount"] >= 1


@pytest.mark.parametrize(
    ("case", "kind"), [("values-large.yaml", "ScaledObject"), ("everything", "HorizontalPodAutoscaler")]
)
def test_what_is_scaled_has_no_number_of_its_own(case: str, kind: str) -> None:
    scaled = {each["metadata"]["name"] for each in of_kind(case, kind)}
    without = {each["metadata"]["name"] for each in of_kind(case, "Deployment") if "replicas" not in each["spec"]}
    assert scaled == without


def test_a_log_in_partitions_has_its_mapping_its_setting_and_a_trigger_for_each() -> None:
    done = template(
        {
            **read_yaml((CHART / "values-large.yaml").read_text()),
            "nats": {"partitions": 4, "credentials": {"kind": "none"}},
        }
    )
    assert done.returncode == 0, done.stderr
    found = {(each["kind"], each["metadata"]["name"]): each for each in read_documents(done.stdout)}
    source, destination = mapping(4)
    assert f'mappings {{ "{source}": "{destination}" }}' in found["ConfigMap", "voice-nats"]["data"]["nats.conf"]
    assert found["ConfigMap", "voice-settings"]["data"]["DAREDEVIL_PARTITIONS"] == "4"
    triggers = [each["metadata"] for each in found["ScaledObject", "voice-reasoning"]["spec"]["triggers"]]
    assert [each["stream"] for each in triggers] == list(log_streams(4))
    assert {each["consumer"] for each in triggers} == {"reasoning"}


def test_nothing_is_scaled_unless_it_is_asked_for() -> None:
    assert not [
        each for each in manifests("values.yaml") if each["kind"] in ("ScaledObject", "HorizontalPodAutoscaler")
    ]
    assert all("replicas" in each["spec"] for each in of_kind("values.yaml", "Deployment"))


@each_case
def test_the_network_is_closed_but_for_what_each_part_needs(case: str) -> None:
    policies = of_kind(case, "NetworkPolicy")
    closed = named(case, "NetworkPolicy", "default-deny")["spec"]
    assert closed["policyTypes"] == ["Ingress", "Egress"]
    assert "ingress" not in closed
    assert {port["port"] for rule in closed["egress"] for port in rule["ports"]} == {53}
    for part, pod in pods(case):
        labels = pod["metadata"]["labels"]
        assert selects(closed["podSelector"], labels)
        [own] = [each for each in policies if part_of(each) == part]
        assert selects(own["spec"]["podSelector"], labels)
        rules = [*own["spec"].get("ingress", ()), *own["spec"].get("egress", ())]
        assert all(rule.get("ports") for rule in rules), part
        if part in APPS:
            out = {port["port"] for rule in own["spec"]["egress"] for port in rule["ports"]}
            reaches = values()["processes"][part]["reaches"]
            assert 4222 in out
            assert (5432 in out) == ("postgres" in reaches), part
            assert (443 in out) == bool({"https", "livekit"} & set(reaches)), part


def test_stores_answer_only_those_who_use_them() -> None:
    [nats, *_] = named("everything", "NetworkPolicy", "nats")["spec"]["ingress"]
    assert nats["from"] == [
        {"podSelector": {"matchLabels": {"app.kubernetes.io/name": "daredevil", "app.kubernetes.io/instance": "voice"}}}
    ]
    [postgres] = named("everything", "NetworkPolicy", "postgres")["spec"]["ingress"]
    who = {peer["podSelector"]["matchLabels"]["app.kubernetes.io/component"] for peer in postgres["from"]}
    assert who == {BRIDGE, HTTP, "reasoning", PROJECTION_POSTGRES}


def test_the_rules_are_those_of_the_monitoring() -> None:
    rules = named("everything", "PrometheusRule", "monitoring")["spec"]["groups"]
    assert rules == [*read("recording.yaml")["groups"], *read("alerts.yaml")["groups"]]
    monitor = named("everything", "PodMonitor", "monitoring")
    assert monitor["metadata"]["labels"]["release"] == "prometheus"
    assert all(selects(monitor["spec"]["selector"], pod["metadata"]["labels"]) for _, pod in pods("everything"))


@pytest.mark.parametrize("case", ["values.yaml", "everything"])
def test_nats_takes_its_configuration_and_syncs_as_the_embedded_one(case: str, tmp_path: Path) -> None:
    write_users(tmp_path / "nats-users")
    config = tmp_path / "nats" / "nats.conf"
    config.parent.mkdir()
    config.write_text(named(case, "ConfigMap", "nats")["data"]["nats.conf"])
    embedded = write_nats_config(tmp_path / "embedded", 4222).read_text()
    for line in ("sync_interval: always", "max_memory_store: 512MB", "max_payload: 1MB"):
        assert line in config.read_text()
        assert line in embedded
    container = container_of(dict(pods(case))["nats"])
    arguments = [
        each.replace("/etc/nats", str(tmp_path / "nats")).replace("$(DAREDEVIL_NATS_PASSWORD)", "p0")
        for each in container["command"][1:]
    ]
    done = subprocess.run(
        [nats_server_path(), "-t", *arguments],
        env={"POD_NAME": "voice-nats-0", "DAREDEVIL_NATS_PASSWORD": "p0"},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(("part", "option"), [("test", "--timeout"), ("provision", "--dry-run")])
def test_what_jobs_run_exists(part: str, option: str) -> None:
    command = container_of(dict(pods("values.yaml"))[part])["command"]
    done = subprocess.run(
        [str(Path(sys.executable).parent / command[0]), command[1], "--help"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert option in done.stdout


def test_the_notes_name_the_keys_that_are_read() -> None:
    notes = (CHART / "templates" / "NOTES.txt").read_text()
    keys = set(re.findall(r"--from-literal=([A-Z_]+)", notes))
    assert keys > STORE_SECRETS
    assert {key for key in keys if key.lower().removeprefix("daredevil_") not in Settings.model_fields} == {
        "POSTGRES_PASSWORD"
    }


def test_streams_are_made_before_the_processes_come() -> None:
    [beside] = of_kind("values.yaml", "Job")
    assert "annotations" not in beside["metadata"]  # its server starts with it
    [before] = of_kind("values-large.yaml", "Job")
    assert before["metadata"]["annotations"]["helm.sh/hook"] == "pre-install,pre-upgrade"
    upgrade = template(read_yaml((CHART / "values-small.yaml").read_text()), "--is-upgrade")
    [job] = [each for each in read_documents(upgrade.stdout) if each["kind"] == "Job"]
    assert job["metadata"]["annotations"]["helm.sh/hook"] == "pre-install,pre-upgrade"
    # A hook comes before the service account, the common settings and the rest are there.
    for each in (before, job):
        pod = each["spec"]["template"]["spec"]
        assert "serviceAccountName" not in pod
        assert "envFrom" not in pod["containers"][0]


def test_each_process_is_given_its_own_file_of_credentials_and_no_other() -> None:
    for part, pod in pods("values-large.yaml"):
        [files] = [volume["secret"] for volume in pod["spec"]["volumes"] if volume["name"] == "nats"]
        user = part if part in APPS else OPERATOR
        assert files["secretName"] == "nats-credentials"
        assert [item["path"] for item in files["items"]] == [f"{user}.creds"]
        assert user_of(user) == user
        [mount] = [mount for mount in container_of(pod)["volumeMounts"] if mount["name"] == "nats"]
        given = {each["name"]: each.get("value") for each in container_of(pod)["env"]}
        assert given["DAREDEVIL_NATS_CREDS_FILE"] == f"{mount['mountPath']}/{{process}}.creds"


def files_of(pod: dict[str, Any], name: str) -> dict[str, Any]:
    [files] = [volume["secret"] for volume in pod["spec"]["volumes"] if volume["name"] == name]
    assert isinstance(files, dict)
    return files


def test_each_process_of_the_charts_own_nats_has_users_of_its_own() -> None:
    for part, pod in pods("values.yaml"):
        if part in ("postgres", "nats"):
            continue
        user = part if part in APPS else OPERATOR
        assert [item["path"] for item in files_of(pod, "nats")["items"]] == [f"{user}.nk"]
        given = {each["name"]: each.get("value") for each in container_of(pod)["env"]}
        assert given["DAREDEVIL_NATS_NKEY_FILE"] == "/etc/daredevil/nats/{process}.nk"
        assert "DAREDEVIL_NATS_PASSWORD" not in given
    server = dict(pods("values.yaml"))["nats"]
    assert [item["path"] for item in files_of(server, "users")["items"]] == ["users.conf"]
    assert 'include "../nats-users/users.conf"' in named("values.yaml", "ConfigMap", "nats")["data"]["nats.conf"]


def test_one_user_for_all_is_a_choice() -> None:
    done = template({"nats": {"credentials": {"kind": "none"}}})
    assert done.returncode == 0, done.stderr
    rendered = read_documents(done.stdout)
    [config] = [each["data"]["nats.conf"] for each in rendered if "nats.conf" in each.get("data", {})]
    assert "users: [{user: daredevil, password: $DAREDEVIL_NATS_PASSWORD}]" in config
    assert "/etc/daredevil/nats" not in done.stdout
    assert "DAREDEVIL_NATS_USER" in done.stdout


def test_experiments_with_faults_are_valid_and_hit_pods_of_the_chart() -> None:
    paths = sorted((CHART.parent / "chaos").glob("*.yaml"))
    done = kubeconform(*paths)
    assert f"Valid: {len(paths)}, Invalid: 0, Errors: 0, Skipped: 0" in done.stdout
    components = {part for part, _ in pods("everything")}
    for path in paths:
        experiment = read_yaml(path.read_text())
        assert experiment["metadata"]["name"] == path.stem
        chosen = experiment["spec"]["selector"]
        targets = [chosen, *([experiment["spec"]["target"]["selector"]] if "target" in experiment["spec"] else [])]
        for each in targets:
            for rule in each.get("expressionSelectors", ()):
                assert components - set(rule["values"]) == set(APPS)
            assert each["labelSelectors"].get("app.kubernetes.io/component", "nats") in components
    delays = [f"network-delay-{ms}ms" for ms in (100, 500)]
    losses = [f"network-loss-{percent}" for percent in (1, 5, 10)]
    assert {path.stem for path in paths} == {*delays, *losses, "pod-kill", "pod-kill-nats"}
