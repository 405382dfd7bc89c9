"""The users of the compose file for development have the permissions that the topology gives."""

from pathlib import Path

from infra.log.nats_users import write_users_with_password

COMPOSE = Path(__file__).parents[2] / "infra" / "deploy" / "compose"


def test_the_users_of_development_may_do_what_the_topology_says(tmp_path: Path) -> None:
    written = write_users_with_password(tmp_path, "development-only").read_text()
    assert (COMPOSE / "nats" / "development" / "users.conf").read_text() == written, "make nats-users"
