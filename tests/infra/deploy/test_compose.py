"""The compose files: they can be put together, each process has its service, and what they name is there."""

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from nats.errors import Error as NatsError

from contracts.topology import APPS, OPERATOR, REASONING, VOICE, jetstream_user
from infra.log.nats_access import connect
from infra.log.nats_users import write_users
from infra.log.provisioning import provide, provision
from infra.settings import Settings
from infra.system.apps import APPS as ROWS
from infra.system.livekit import LiveKitMissing, livekit_server_path
from infra.system.nats import nats_server_path
from tests.infra.deploy.compose import CLUSTER, DEVELOPMENT, FOLDER, PRODUCTION, VARIABLES, put_together, read
from tests.infra.deploy.monitoring import read as read_monitoring
from tests.servers import running_nats
from tests.yaml_text import read_yaml

ALL = [DEVELOPMENT, PRODUCTION, CLUSTER]
OURS = {*APPS, "llm", "provision"}
FIELDS = {
    "sip": {"redis", "health_port", "sip_port", "rtp_port", "use_external_ip", "nat_1_to_1_ip", "logging"},
    "ingress": {"redis", "health_port", "rtmp_port", "whip_port", "http_relay_port", "rtc_config", "logging"},
    "egress": {"redis", "health_port", "template_port", "insecure", "logging"},
}
"""Of each service's configuration, the fields that its `config.go` has and we use: they ignore any other in silence."""


def services(files: tuple[str, ...]) -> dict[str, Any]:
    together: dict[str, Any] = put_together(files)["services"]
    return together


def environment(service: dict[str, Any]) -> dict[str, str]:
    given = service.get("environment") or {}
    return dict(each.split("=", 1) for each in given) if isinstance(given, list) else given


def ids(files: tuple[str, ...]) -> str:
    return files[-1].removeprefix("compose.").removesuffix(".yaml")


@pytest.mark.parametrize("files", ALL, ids=ids)
def test_each_process_has_a_service_of_its_own_that_asks_for_its_own_health(files: tuple[str, ...]) -> None:
    found = services(files)
    apps = {row.name: row.app for row in ROWS}
    for name in APPS:
        command = found[name]["command"]
        assert command[:2] == ["faststream", "run"], name
        assert apps.get(name, command[2]) == command[2]
        assert found[name]["healthcheck"]["test"] == ["CMD", "daredevil", "health", name]
        assert environment(found[name])["DAREDEVIL_PROBE_PORT"] == "9464"
    scraped = {job["job_name"]: job for job in read_monitoring("prometheus.containers.yml")["scrape_configs"]}
    assert set(scraped["daredevil"]["dns_sd_configs"][0]["names"]) == set(APPS)
    assert scraped["daredevil"]["dns_sd_configs"][0]["port"] == 9464


@pytest.mark.parametrize("files", ALL, ids=ids)
def test_no_service_may_do_more_than_it_needs(files: tuple[str, ...]) -> None:
    for name, service in services(files).items():
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert service["restart"] == ("on-failure:10" if name == "provision" else "unless-stopped"), name
        assert service["mem_limit"], name
        if name in OURS:
            assert service["read_only"], name
            assert set(service["tmpfs"]) == {"/tmp", "/data"}, name
            assert service["pids_limit"], name


@pytest.mark.parametrize("files", ALL, ids=ids)
def test_images_are_releases_and_files_that_are_mounted_exist(files: tuple[str, ...]) -> None:
    together = put_together(files)
    for name, service in together["services"].items():
        tag = service["image"].rpartition(":")[2]
        assert re.fullmatch(r"(v?\d+\.\d+\.\d+|\d+\.\d+\.\d+-pg\d+)(-alpine)?", tag), (name, service["image"])
        for volume in service.get("volumes", ()):
            if volume["type"] == "volume":
                assert volume["source"] in together["volumes"], name
            elif volume["source"].startswith(".") and "secrets/" not in volume["source"]:
                assert (FOLDER / volume["source"]).exists(), (name, volume)


@pytest.mark.parametrize("files", ALL, ids=ids)
def test_what_a_service_waits_for_starts_with_its_profiles_and_says_when_it_is_ready(files: tuple[str, ...]) -> None:
    found = services(files)
    for name, service in found.items():
        for needed, how in (service.get("depends_on") or {}).items():
            assert how["condition"] == "service_healthy", name
            assert found[needed]["healthcheck"]["test"], (name, needed)
    for profile in ("core", "rooms", "observability"):
        started = {name for name, service in found.items() if profile in service["profiles"]}
        for name in started:
            assert set(found[name].get("depends_on") or ()) <= started, (profile, name)


def access(files: tuple[str, ...], service: str, keys: Path) -> Settings:
    """What a service shows NATS, as its environment says; its key is in `keys`."""
    told = {name: value for name, value in environment(services(files)[service]).items() if "_NATS_" in name}
    given = {name.removeprefix("DAREDEVIL_").lower(): value for name, value in told.items()}
    if key := given.get("nats_nkey_file"):
        given["nats_nkey_file"] = key.replace("/run/secrets/nats_{process}", f"{keys}/{{process}}.nk")
    return Settings.model_validate(given)


@pytest.mark.slow
@pytest.mark.parametrize("files", [DEVELOPMENT, PRODUCTION], ids=ids)
async def test_each_process_may_start_with_its_user_and_store_no_others_fact(
    files: tuple[str, ...], tmp_path: Path
) -> None:
    keys = tmp_path / "keys"
    users = FOLDER / "nats" / "development" / "users.conf" if files == DEVELOPMENT else write_users(keys)
    async with running_nats(tmp_path / "nats", more=users.read_text()) as server:
        operator = await connect(server.url, OPERATOR, access(files, "provision", keys))
        await provision(operator.jetstream())
        for name in APPS:
            nc = await connect(server.url, name, access(files, name, keys))
            await provide(nc.jetstream(), name, is_open=False)
            anothers = "voice.s-1.turn.ended" if name == REASONING else "voice.s-1.reply.clause"
            with pytest.raises(NatsError):
                await nc.jetstream(timeout=0.2).publish(anothers, b"forged")
            await nc.close()
        assert (await operator.jetstream().stream_info(VOICE)).state.messages == 0
        await operator.close()


@pytest.mark.parametrize("files", ALL, ids=ids)
def test_streams_are_made_wherever_nats_starts(files: tuple[str, ...]) -> None:
    found = services(files)
    assert found["provision"]["command"] == ["daredevil", "provision"]
    assert set(found["provision"]["profiles"]) == set(found["nats"]["profiles"])
    for setting in ("DAREDEVIL_NATS_URL", "DAREDEVIL_NATS_REPLICAS", "DAREDEVIL_PARTITIONS"):
        told = [environment(found[name]).get(setting) for name in ("provision", "reasoning")]
        assert told[0] == told[1], setting


@pytest.mark.parametrize("files", [PRODUCTION, CLUSTER], ids=ids)
def test_each_process_has_its_own_key_of_nats_and_no_others(files: tuple[str, ...]) -> None:
    found = services(files)
    for name in (*APPS, "provision"):
        keys = {each["source"] for each in found[name]["secrets"] if each["source"].startswith("nats_")}
        assert keys == {f"nats_{'operator' if name == 'provision' else name}"}, name
        assert environment(found[name])["DAREDEVIL_NATS_NKEY_FILE"] == "/run/secrets/nats_{process}"
    for name in (each for each in found if each == "nats" or each.startswith("nats-")):
        assert {each["source"] for each in found[name]["secrets"]} == {"nats_users"}


def test_each_process_has_its_own_user_of_nats_in_development() -> None:
    found = services(DEVELOPMENT)
    for name in (*APPS, "provision"):
        user, told = OPERATOR if name == "provision" else name, environment(found[name])
        assert told["DAREDEVIL_NATS_USER"] == user
        assert told.get("DAREDEVIL_NATS_JETSTREAM_USER") == (None if user == OPERATOR else jetstream_user(user))


def test_development_opens_ports_on_this_machine_only() -> None:
    for name, service in services(DEVELOPMENT).items():
        for port in service.get("ports", ()):
            if name != "sip" and port["published"] not in ("1935", "7885"):
                assert port["host_ip"] == "127.0.0.1", name


@pytest.mark.parametrize("files", [PRODUCTION, CLUSTER], ids=ids)
def test_production_opens_only_the_proxy_and_media_and_has_no_secret_in_its_files(files: tuple[str, ...]) -> None:
    found = services(files)
    opened = {name: {port["published"] for port in service.get("ports", ())} for name, service in found.items()}
    assert {name: ports for name, ports in opened.items() if ports} == {
        "traefik": {"80", "443"},
        "livekit": {"7881", "7882"},
        "sip": {"5060", *(str(port) for port in range(10000, 10201))},
        "ingress": {"1935", "7885"},
    }
    assert "development-only" not in str(found)
    for name, service in found.items():
        for variable, value in environment(service).items():
            if variable.endswith("_FILE") and value.startswith("/run/secrets/"):
                value = value.replace("{process}", "operator" if name == "provision" else name)
                assert value.removeprefix("/run/secrets/") in {each["source"] for each in service["secrets"]}, name


def test_each_secret_is_made_and_each_setting_that_is_a_file_is_one() -> None:
    together = put_together(CLUSTER)
    script = (FOLDER / "secrets.sh").read_text()
    for name, secret in together["secrets"].items():
        assert f"make {name} " in script or secret["file"].startswith("secrets/nats/")
    default = re.search(r"setting IMAGE (\S+?)\)", script)
    assert default is not None
    assert f"${{IMAGE:-{default[1]}}}" in (FOLDER / "compose.yaml").read_text()
    for name in OURS & together["services"].keys():
        for variable in environment(together["services"][name]):
            if variable.startswith("DAREDEVIL_"):
                setting = variable.removeprefix("DAREDEVIL_").lower()
                assert {setting, setting.removesuffix("_file")} & Settings.model_fields.keys(), (name, variable)


def test_keys_of_nats_that_no_image_can_make_are_told_with_what_to_do(tmp_path: Path) -> None:
    copy = tmp_path / "compose"
    shutil.copytree(FOLDER, copy, ignore=shutil.ignore_patterns("secrets", ".env"))
    environment = {"PATH": os.environ["PATH"], "CONTAINER_ENGINE": "false", "IMAGE": "ours:9"}
    done = subprocess.run(["sh", "secrets.sh"], cwd=copy, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "secrets/nats was not made: false cannot run ours:9. Build it (make image), or set IMAGE" in done.stderr


def test_the_proxy_that_is_trusted_is_the_proxy() -> None:
    found = services(PRODUCTION)
    address = found["traefik"]["networks"]["edge"]["ipv4_address"]
    for door in ("bridge", "http", "bridge-livekit"):
        assert environment(found[door])["DAREDEVIL_TRUSTED_PROXIES"] == address
    for service in ("bridge", "http", "livekit", "ingress"):
        assert "edge" in found[service]["networks"]


def test_the_proxys_routes_lead_to_services_that_are_there() -> None:
    routes = read_yaml(re.sub(r"\{\{ env \"DOMAIN\" \}\}", "d", (FOLDER / "traefik" / "dynamic.yaml").read_text()))
    http = routes["http"]
    for router in http["routers"].values():
        assert router["service"] in http["services"]
        assert set(router["middlewares"]) <= http["middlewares"].keys()
        assert router["tls"]["certResolver"] == "letsencrypt"
    ports = {"bridge": 8030, "http": 8030, "livekit": read("livekit/livekit.yaml")["port"]}
    ports["ingress"] = read("livekit/ingress.yaml")["whip_port"]
    given = yaml.safe_load(environment(services(PRODUCTION)["livekit"])["LIVEKIT_CONFIG"])["ingress"]["whip_base_url"]
    assert given == f"https://{VARIABLES['DOMAIN']}/w"
    assert http["routers"]["whip"] == {
        **http["routers"]["page"],
        "rule": "Host(`d`) && (Path(`/w`) || PathPrefix(`/w/`))",  # `PathPrefix` of `/w` would take `/ws`, too
        "service": "ingress",
    }
    for name, service in http["services"].items():
        assert service["loadBalancer"]["servers"] == [{"url": f"http://{name}:{ports[name]}"}]


def test_nats_takes_its_configurations_and_syncs_each_fact(tmp_path: Path) -> None:
    shutil.copytree(FOLDER / "nats", tmp_path / "etc" / "nats")
    (tmp_path / "run" / "secrets").mkdir(parents=True)
    write_users(tmp_path).rename(tmp_path / "run" / "secrets" / "nats_users")
    for name in ("nats", "development", "cluster", "production"):
        checked = subprocess.run(
            [nats_server_path(), "-t", "-c", tmp_path / "etc" / "nats" / f"{name}.conf"],
            env={"NATS_NAME": "nats"},
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
        )
        assert checked.returncode == 0, checked.stderr
    assert "sync_interval: always" in (FOLDER / "nats" / "nats.conf").read_text()


def test_the_servers_that_go_builds_for_tests_are_of_the_versions_that_the_stack_runs() -> None:
    found, scripts = services(PRODUCTION), FOLDER.parents[2] / "scripts"
    traefik = found["traefik"]["image"].rpartition(":")[2]
    assert f"github.com/traefik/traefik/v3 {traefik} " in (scripts / "traefik" / "go.mod").read_text()
    collector = found["collector"]["image"].rpartition(":")[2]
    parts = (scripts / "otelcol" / "builder.yaml").read_text()
    assert f"# builder: v{collector}\n" in parts
    used = read_monitoring("collector.yaml")
    for kind in ("receivers", "processors", "exporters"):
        for name in used[kind]:
            component = name.partition("/")[0].replace("_", "") + kind[:-1]
            assert f"/{kind[:-1]}/{component} v{collector}" in parts, name


def test_alertmanager_is_the_same_but_for_where_the_door_is() -> None:
    ours, beside = read("alertmanager.yml"), read_monitoring("alertmanager.yml")
    assert ours["receivers"][0]["webhook_configs"][0].pop("url") == "http://bridge:8030/alerts"
    assert beside["receivers"][0]["webhook_configs"][0].pop("url") == "http://127.0.0.1:8030/alerts"
    assert ours == beside


# -- rooms


@pytest.mark.parametrize("files", [DEVELOPMENT, PRODUCTION], ids=ids)
def test_a_real_livekit_server_takes_its_configuration(tmp_path: Path, files: tuple[str, ...]) -> None:
    try:
        binary = livekit_server_path("")
    except LiveKitMissing as problem:
        pytest.skip(str(problem))
    given = environment(services(files)["livekit"]).get("LIVEKIT_CONFIG")
    config = read_yaml(given) if given else read("livekit/livekit.yaml")
    for server in config["rtc"].get("turn_servers", ()):
        server["secret_file"] = str(tmp_path / "turn")
        (tmp_path / "turn").write_text("x")
    config.pop("key_file", None)
    (tmp_path / "livekit.yaml").write_text(yaml.safe_dump(config))
    command = [binary, "--config", str(tmp_path / "livekit.yaml"), "--keys", f"daredevil: {'x' * 40}", "ports"]
    said = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    assert said.returncode == 0, said.stderr
    for line in ("7880 - HTTP service", "7881 - ICE/TCP", "7882 - ICE/UDP"):
        assert line in said.stdout


@pytest.mark.parametrize("name", ["sip", "ingress", "egress"])
def test_a_service_of_livekit_is_told_only_what_it_takes(name: str) -> None:
    config, service = read(f"livekit/{name}.yaml"), services(DEVELOPMENT)[name]
    assert config.keys() <= FIELDS[name]
    assert config["redis"] == {"address": "redis:6379"}
    told = {"LIVEKIT_API_KEY", "LIVEKIT_API_SECRET", "LIVEKIT_WS_URL", f"{name.upper()}_CONFIG_FILE"}
    assert environment(service).keys() == told
    assert environment(service)["LIVEKIT_API_KEY"] == read("livekit/livekit.yaml")["webhook"]["api_key"]


@pytest.mark.parametrize("name", ["sip", "ingress"])
def test_in_production_a_service_of_livekit_is_reached_at_the_hosts_address(name: str) -> None:
    """Its configuration is otherwise that of development: the same ports are open."""
    body = yaml.safe_load(environment(services(PRODUCTION)[name])[f"{name.upper()}_CONFIG_BODY"])
    address = body.pop("nat_1_to_1_ip", None) or body["rtc_config"].pop("node_ip")
    assert address == VARIABLES["NODE_IP"]
    assert body["logging"].pop("json")
    assert body == read(f"livekit/{name}.yaml")


def test_what_is_observed_is_kept_for_as_long_in_all_stores() -> None:
    found = services(PRODUCTION)
    assert "--storage.tsdb.retention.time=30d" in found["prometheus"]["command"]
    assert f"-store.retention={30 * 24}h" in found["loki"]["command"]


def test_media_ports_of_livekits_services_are_those_that_are_opened() -> None:
    found = services(PRODUCTION)
    opened = {name: {port["published"] for port in found[name]["ports"]} for name in ("livekit", "sip", "ingress")}
    first, last = read("livekit/sip.yaml")["rtp_port"].split("-")
    assert {first, last, str(read("livekit/sip.yaml")["sip_port"])} <= opened["sip"]
    ingress = read("livekit/ingress.yaml")
    assert opened["ingress"] == {str(ingress["rtmp_port"]), str(ingress["rtc_config"]["udp_port"])}
    rtc = read("livekit/livekit.yaml")["rtc"]
    assert opened["livekit"] == {str(rtc["tcp_port"]), str(rtc["udp_port"])}
