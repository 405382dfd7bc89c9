"""The environment of a system's processes."""

from pathlib import Path

from infra.settings import Settings
from infra.system.addresses import choose_addresses
from infra.system.environment import child_environment, named_in_telemetry


def test_how_to_connect_to_another_nats_is_not_for_the_systems_own(tmp_path: Path) -> None:
    given = {"DAREDEVIL_NATS_TLS_CA_FILE": "/etc/ca.crt", "DAREDEVIL_NATS_NKEY_FILE": "/etc/{process}.nk"}
    own = Settings(data_dir=tmp_path, port=0, nats_url="")
    assert {child_environment(given, own, choose_addresses(own))[name] for name in given} == {""}
    other = Settings(data_dir=tmp_path, port=0, nats_url="nats://host:4222")
    assert given.items() <= child_environment(given, other, choose_addresses(other)).items()


def test_one_service_name_for_the_system_becomes_one_for_each_process() -> None:
    given = {"OTEL_SERVICE_NAME": "shop", "A": "b"}
    assert named_in_telemetry("reasoning", given) == {"OTEL_SERVICE_NAME": "shop-reasoning", "A": "b"}
    assert named_in_telemetry("transcript-spare", given)["OTEL_SERVICE_NAME"] == "shop-transcript"
    assert named_in_telemetry("reasoning", {"A": "b"}) == {"A": "b"}
