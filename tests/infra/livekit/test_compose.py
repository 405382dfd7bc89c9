"""The compose file and the services' configurations: they can be read, and agree with each other."""

import itertools
import os
import re
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from infra.system.livekit import LiveKitMissing, livekit_server_path

FOLDER = Path(__file__).parents[3] / "infra" / "livekit" / "compose"
SERVICES = ("livekit", "sip", "ingress", "egress")
FIELDS = {
    "sip": {"redis", "health_port", "sip_port", "rtp_port", "use_external_ip", "logging"},
    "ingress": {"redis", "health_port", "rtmp_port", "whip_port", "http_relay_port", "rtc_config", "logging"},
    "egress": {"redis", "health_port", "template_port", "insecure", "logging"},
}
"""Of each service's configuration, the fields that its `config.go` has and we use: they ignore any other in silence."""

FROM_THE_ENVIRONMENT = {"LIVEKIT_API_KEY", "LIVEKIT_API_SECRET", "LIVEKIT_WS_URL"}
"""What sip, ingress and egress take from there (`api_key`, `api_secret`, `ws_url`)."""


def read(name: str) -> dict[str, Any]:
    read: dict[str, Any] = yaml.safe_load((FOLDER / f"{name}.yaml").read_text())
    return read


COMPOSE = read("compose")["services"]
CONFIGS = {name: read(name) for name in SERVICES}


def ports(kind: str) -> list[tuple[str, range]]:
    """Which ports the services listen on, by what they are."""
    server, sip, ingress = CONFIGS["livekit"], CONFIGS["sip"], CONFIGS["ingress"]
    first, last = (int(port) for port in sip["rtp_port"].split("-"))
    rtc, turn = server["rtc"], server["turn"]
    udp = [
        ("media", range(rtc["port_range_start"], rtc["port_range_end"] + 1)),
        ("turn", range(turn["udp_port"], turn["udp_port"] + 1)),
        ("relay", range(turn["relay_range_start"], turn["relay_range_end"] + 1)),
        ("sip", range(sip["sip_port"], sip["sip_port"] + 1)),
        ("rtp", range(first, last + 1)),
        ("whip media", range(ingress["rtc_config"]["udp_port"], ingress["rtc_config"]["udp_port"] + 1)),
    ]
    single = {
        "signalling": server["port"],
        "media": rtc["tcp_port"],
        "redis": 6379,
        "sip": sip["sip_port"],
        **{f"ingress {name}": ingress[name] for name in ("rtmp_port", "whip_port", "http_relay_port", "health_port")},
        "egress health": CONFIGS["egress"]["health_port"],
        "egress page": CONFIGS["egress"]["template_port"],
    }
    return udp if kind == "udp" else [(name, range(port, port + 1)) for name, port in single.items()]


@pytest.mark.parametrize("kind", ["udp", "tcp"])
def test_no_two_services_want_the_same_port_of_the_host(kind: str) -> None:
    wanted = sorted(ports(kind), key=lambda each: each[1].start)
    for (one, first), (other, second) in itertools.pairwise(wanted):
        assert first.stop <= second.start, f"{one} and {other}"


def test_all_find_the_same_redis_and_the_same_server() -> None:
    redis = COMPOSE["redis"]["command"]
    assert "--port 6379" in redis
    assert "--bind 127.0.0.1" in redis, "it has no password"
    assert {config["redis"]["address"] for config in CONFIGS.values()} == {"127.0.0.1:6379"}
    for name in ("sip", "ingress", "egress"):
        url = urlsplit(COMPOSE[name]["environment"]["LIVEKIT_WS_URL"])
        assert (url.scheme, url.port) == ("ws", CONFIGS["livekit"]["port"])


def test_one_key_is_used_by_all_and_its_secret_is_in_no_file() -> None:
    secret = "${LIVEKIT_API_SECRET:?see README.md}"
    assert COMPOSE["livekit"]["environment"]["LIVEKIT_KEYS"] == f"daredevil: {secret}"
    for name in ("sip", "ingress", "egress"):
        given = COMPOSE[name]["environment"]
        assert (given["LIVEKIT_API_KEY"], given["LIVEKIT_API_SECRET"]) == ("daredevil", secret)
    assert CONFIGS["livekit"]["webhook"]["api_key"] == "daredevil"
    assert not any("api_secret" in config or "keys" in config for config in CONFIGS.values())
    assert [line for line in (FOLDER / "env.example").read_text().splitlines() if line[:1] not in ("#", "")] == [
        "LIVEKIT_API_SECRET=",
        "NODE_IP=",
    ]


def test_the_webhook_goes_to_the_http_door() -> None:
    from infra.settings import Settings

    (url,) = CONFIGS["livekit"]["webhook"]["urls"]
    assert url == f"http://127.0.0.1:{Settings.model_fields['port'].default}/livekit/webhook"


def test_every_configuration_that_is_named_is_there() -> None:
    for name in SERVICES:
        mounted = COMPOSE[name]["volumes"][0].split(":")
        assert mounted[0] == f"./{name}.yaml"
        told = [COMPOSE[name].get("command", ""), *COMPOSE[name]["environment"].values()]
        assert any(mounted[1] in text for text in told)


@pytest.mark.parametrize("name", ["sip", "ingress", "egress"])
def test_a_service_is_told_only_what_it_takes(name: str) -> None:
    assert CONFIGS[name].keys() <= FIELDS[name]
    assert COMPOSE[name]["environment"].keys() == FROM_THE_ENVIRONMENT | {f"{name.upper()}_CONFIG_FILE"}


def test_every_variable_has_a_value_or_stops_the_start_and_stands_in_the_example() -> None:
    text = (FOLDER / "compose.yaml").read_text()
    required = re.findall(r"\$\{(\w+):\?[^}]+\}", text)
    assert text.count("$") == len(required), "a variable without a value would be empty in silence"
    example = (FOLDER / "env.example").read_text()
    assert all(f"\n{name}=" in example for name in required)


def test_images_are_releases() -> None:
    tags = {name: service["image"].rpartition(":")[2] for name, service in COMPOSE.items()}
    assert all(re.fullmatch(r"v\d+\.\d+\.\d+", tags[name]) for name in SERVICES), tags
    assert re.fullmatch(r"\d+\.\d+-alpine", tags["redis"])


def test_the_readme_names_every_port() -> None:
    text = (FOLDER / "README.md").read_text()
    for kind in ("udp", "tcp"):
        for name, wanted in ports(kind):
            named = f"{wanted.start}-{wanted.stop - 1}" if len(wanted) > 1 else str(wanted.start)
            assert named in text or ("9090-9092" in text and 9090 <= wanted.start <= 9092), name


def test_a_real_server_takes_its_configuration() -> None:
    try:
        binary = livekit_server_path(os.environ.get("DAREDEVIL_LIVEKIT_SERVER", ""))
    except LiveKitMissing as problem:
        pytest.skip(str(problem))
    keys = f"daredevil: {'x' * 40}"
    command = [binary, "--config", str(FOLDER / "livekit.yaml"), "--keys", keys, "ports"]
    said = subprocess.run(command, capture_output=True, text=True, timeout=20)
    assert said.returncode == 0, said.stderr
    for line in ("7880 - HTTP service", "7881 - ICE/TCP", "50000-60000 - ICE/UDP range", "3478 - TURN/UDP"):
        assert line in said.stdout
