"""The users of a NATS server as lines of its configuration: one for each process, with what it may do."""

import hashlib
import hmac
import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from contracts.topology import mapping
from infra.log.nkeys import BadSeed, UserKey
from infra.log.permissions import EVERYTHING, permissions_of, users


def authorization(credentials: Mapping[str, str], partitions: int = 1) -> str:
    """Return the `authorization` block of a server's configuration for users with these credentials.

    `credentials` are a line each, as `{"transcript": 'nkey: "U…"'}`; `partitions` are those of the log. Pure.
    """
    lines = [f"    {_user(name, line, partitions)}" for name, line in credentials.items()]
    return "\n".join(["authorization {", "  timeout: 10", "  users: [", *lines, "  ]", "}", ""])


def _user(name: str, credential: str, partitions: int) -> str:
    allowed = permissions_of(name, partitions)
    if allowed == EVERYTHING:
        return f"{{ {credential} }} # {name}"
    # JSON's lists of strings are the configuration's, too.
    permissions = f"publish: {{ allow: {json.dumps(allowed.publish)} }}, subscribe: {{ allow: "
    return f"{{ {credential}, permissions: {{ {permissions}{json.dumps(allowed.subscribe)} }} }} }} # {name}"


def password_of(user: str, secret: str) -> str:
    """Return the password of a user of the embedded server: derived from the secret, which only the supervisor has."""
    return hmac.new(secret.encode(), user.encode(), hashlib.sha256).hexdigest()


def with_passwords(secret: str, further: Iterable[str] = (), partitions: int = 1) -> str:
    """Return the `authorization` block of the embedded server, with `further` users besides those of the topology."""
    names = dict.fromkeys((*users(), *further))
    return authorization(
        {name: f'user: "{name}", password: "{password_of(name, secret)}"' for name in names}, partitions
    )


def mappings(partitions: int) -> str:
    """Return the `mappings` block of a server's configuration for the partitions of the log; empty for one."""
    source, destination = mapping(partitions)
    return f'mappings {{ "{source}": "{destination}" }}\n' if source else ""


def write_users(folder: Path, further: Iterable[str] = (), partitions: int = 1) -> Path:
    """Write a key for each user, `<user>.nk`, and `users.conf` with what each may do; return its path.

    It has the mapping of a log with several `partitions`, too.
    Keys that exist stay as they are. The server is told public keys only. Raises OSError, BadSeed with the file's name.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    names = dict.fromkeys((*users(), *further))
    lines = {name: f"nkey: {_key_in(folder / f'{name}.nk').public}" for name in names}
    config = folder / "users.conf"
    config.write_text(mappings(partitions) + authorization(lines, partitions))
    return config


def _key_in(file: Path) -> UserKey:
    if not file.exists():
        file.touch(mode=0o600)
        file.write_text(UserKey.generated().seed + "\n")
    try:
        return UserKey.of_seed(file.read_text())
    except BadSeed as error:
        raise BadSeed(f"{file}: {error}") from None
