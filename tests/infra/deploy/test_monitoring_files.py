"""The files that Prometheus, Alertmanager and Grafana read: each program takes its own, and they fit together."""

import re
import subprocess
from pathlib import Path

import pytest

from contracts.alerts import PASSED_LABELS, Alert
from contracts.topology import APPS, LIVEKIT_ROOM
from tests.infra.deploy.monitoring import FOLDER, ROOT, RUNBOOKS, read, rules
from tests.monitoring_tools import tool

ALERTS = {
    *("HighLatency", "PacketLoss", "ServiceDown", "LowThroughput", "ConsumerStalled", "DeadLetters"),
    *("LogNotSynced", "DiskFilling", "EngineFailing", "RecognitionBehind"),
}


def run(*command: str | Path) -> str:
    done = subprocess.run(command, cwd=FOLDER, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.mark.slow
def test_each_alert_fires_when_it_should_and_not_just_below() -> None:
    run(tool("promtool"), "test", "rules", *sorted(path.name for path in FOLDER.glob("*.test.yaml")))


def test_each_rule_of_an_alert_has_a_case_in_which_it_fires() -> None:
    firing = [
        (case["alertname"], alert["exp_labels"]["severity"])
        for path in FOLDER.glob("*.test.yaml")
        for test in read(path.name)["tests"]
        for case in test.get("alert_rule_test", ())
        for alert in case["exp_alerts"]
    ]
    assert {(rule["alert"], rule["labels"]["severity"]) for rule in rules("alert")} == set(firing)
    assert {rule["alert"] for rule in rules("alert")} == ALERTS


@pytest.mark.parametrize("file", ["prometheus.yml", "prometheus.containers.yml"])
def test_prometheus_takes_its_configuration_and_rules(file: str) -> None:
    assert "rules found" in run(tool("promtool"), "check", "config", "--lint=all", "--lint-fatal", file)


def test_what_is_scraped_from_processes_is_not_scraped_from_the_collector_again() -> None:
    assert {job["job_name"] for job in read("prometheus.yml")["scrape_configs"]} == {"daredevil", "prometheus"}
    jobs = {job["job_name"]: job for job in read("prometheus.containers.yml")["scrape_configs"]}
    kept, named = jobs["rooms"]["metric_relabel_configs"]
    assert kept == {"source_labels": ["daredevil_process"], "regex": LIVEKIT_ROOM, "action": "keep"}
    assert named == {"target_label": "service_name", "replacement": f"daredevil-{LIVEKIT_ROOM}"}
    assert "livekit-room" not in jobs["daredevil"]["dns_sd_configs"][0]["names"]


def test_every_process_is_scraped_by_its_name() -> None:
    [job] = [job for job in read("prometheus.containers.yml")["scrape_configs"] if job["job_name"] == "daredevil"]
    assert set(job["dns_sd_configs"][0]["names"]) == set(APPS)


def test_alertmanager_takes_its_configuration() -> None:
    assert "1 receivers" in run(tool("amtool"), "check-config", "alertmanager.yml")


def test_where_prometheus_looks_for_the_processes_is_where_the_system_writes_it() -> None:
    [job] = [job for job in read("prometheus.yml")["scrape_configs"] if job["job_name"] == "daredevil"]
    [file] = job["file_sd_configs"][0]["files"]
    assert (FOLDER / file).resolve() == ROOT / ".daredevil" / "run" / "prometheus-targets.json"


def test_collector_and_jaeger_listen_on_this_machine_unless_they_are_told_otherwise() -> None:
    for file in ("collector.yaml", "jaeger.yaml"):
        for address in re.findall(r"endpoint: (\S+)", (FOLDER / file).read_text()):
            assert "127.0.0.1" in address, (file, address)


def test_the_alerts_of_the_document_are_those_of_the_rules() -> None:
    page = (ROOT / "docs" / "observability.md").read_text()
    listed = dict(re.findall(r"^\| \[(\w+)\]\(runbooks/\1\.md\) \| .+ \| ([a-z; ]+) \|$", page, re.MULTILINE))
    severities: dict[str, set[str]] = {}
    for rule in rules("alert"):
        severities.setdefault(rule["alert"], set()).add(rule["labels"]["severity"])
    assert {name: set(told.split("; ")) for name, told in listed.items()} == severities


@pytest.mark.parametrize("rule", rules("alert"), ids=lambda rule: f"{rule['alert']}-{rule['labels']['severity']}")
def test_an_alert_says_what_is_wrong_and_whom_it_concerns_and_nothing_personal(rule: dict[str, dict[str, str]]) -> None:
    assert rule["labels"].keys() == {"severity"}
    assert rule["labels"]["severity"] in ("critical", "warning")
    assert rule["annotations"].keys() == {"summary", "description", "runbook_url"}
    assert not rule["annotations"]["summary"].endswith(".")
    named = set(re.findall(r"\$labels\.(\w+)", str(rule["annotations"])))
    assert named <= set(PASSED_LABELS)
    assert Alert(rule["labels"]["severity"], str(rule["alert"]), "firing", "2026-11-22T18:30:15Z").packed()


def test_each_alert_has_a_runbook_and_each_runbook_an_alert() -> None:
    for rule in rules("alert"):
        page = ROOT / rule["annotations"]["runbook_url"]
        assert page == RUNBOOKS / f"{rule['alert']}.md"
        assert page.read_text().startswith(f"# {rule['alert']}\n")
    assert {path.stem for path in RUNBOOKS.glob("*.md")} == ALERTS
