"""The environment of a system's processes."""

from infra.system.environment import named_in_telemetry


def test_one_service_name_for_the_system_becomes_one_for_each_process() -> None:
    given = {"OTEL_SERVICE_NAME": "shop", "A": "b"}
    assert named_in_telemetry("reasoning", given) == {"OTEL_SERVICE_NAME": "shop-reasoning", "A": "b"}
    assert named_in_telemetry("transcript-spare", given)["OTEL_SERVICE_NAME"] == "shop-transcript"
    assert named_in_telemetry("reasoning", {"A": "b"}) == {"A": "b"}
