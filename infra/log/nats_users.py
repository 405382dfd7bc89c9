"""The accounts and users of a NATS server as lines of its configuration, with what each process may do.

The account `DAREDEVIL` has the streams, and a user for each process that publishes and listens. What a process asks of
JetStream it asks as a second user, in an account of its own that imports just that. JetStream sends the answer to any
subject that was asked for, and the permissions of users do not hold for it; but it stays within that account. So nobody
can have JetStream deliver bytes of their own as another's fact, request or sound.
"""

import hashlib
import hmac
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from contracts.topology import ACCOUNT, OPERATOR, READER, inbox_prefix, jetstream_user, mapping
from infra.log.nkeys import BadSeed, UserKey
from infra.log.permissions import ACK, API, USER_INFO, permissions_of, users


def everybody(partitions: int = 1) -> str:
    """Return the configuration of a server that lets everybody do everything, its streams in the same account. Pure."""
    return f"""accounts {{
  {ACCOUNT}: {{
    jetstream: enabled
    users: [ {{ user: everybody, password: everybody }} ]
    {mappings(partitions)}
  }}
}}
no_auth_user: everybody
"""


def mappings(partitions: int) -> str:
    """Return the `mappings` of an account, or of a server without accounts, to the partitions; empty for one. Pure."""
    source, destination = mapping(partitions)
    return f'mappings {{ "{source}": "{destination}" }}\n' if source else ""


def accounts(credentials: Mapping[str, str], partitions: int = 1) -> str:
    """Return the accounts and users of a server's configuration, with the mapping to the log's `partitions`. Pure.

    `credentials` has a line for each of `logins`, as `{"transcript": 'nkey: "U…"'}`.
    """
    names = [name for name in credentials if jetstream_user(name) in credentials]
    apart = json.dumps([*names, READER])
    asked = [f'{{ service: "{each}.>", response_type: stream, accounts: {apart} }}' for each in (API, ACK)]
    heard = [f"{{ stream: {json.dumps(subject)}, accounts: [{READER}] }}" for subject in _heard_by_reader()]
    own = [_user(name, credentials[name], *_of_process(name, partitions)) for name in names]
    lines = [
        "authorization { timeout: 10 }",
        "accounts {",
        f"  {ACCOUNT}: {{",
        "    jetstream: enabled",
        f"    {mappings(partitions)}",
        *_list("users", [f"{{ {credentials[OPERATOR]} }} # {OPERATOR}", *own]),
        *_list("exports", [*asked, *heard]),
        "  }",
        *(line for name in names for line in _account(name, credentials[jetstream_user(name)], partitions)),
        *_account(READER, credentials[READER], partitions, _heard_by_reader()),
        "}",
        "",
    ]
    return "\n".join(lines)


def _account(name: str, credential: str, partitions: int, heard: Iterable[str] = ()) -> Iterator[str]:
    """Yield the account from which a process asks JetStream; one that `heard` is exported to also listens."""
    asks = permissions_of(name, partitions).jetstream
    yield f"  {name}: {{"
    yield from _list("users", [_user(name, credential, (*asks, USER_INFO), (f"{inbox_prefix(name)}.>", *heard))])
    services = [f"{{ service: {{ account: {ACCOUNT}, subject: {json.dumps(subject)} }} }}" for subject in asks]
    streams = [f"{{ stream: {{ account: {ACCOUNT}, subject: {json.dumps(subject)} }} }}" for subject in heard]
    yield from _list("imports", [*services, *streams])
    yield "  }"


def _list(name: str, items: Iterable[str]) -> Iterator[str]:
    yield f"    {name}: ["
    yield from (f"      {item}" for item in items)
    yield "    ]"


def _user(name: str, credential: str, publish: Iterable[str], subscribe: Iterable[str]) -> str:
    # JSON's lists of strings are the configuration's, too.
    allowed = f"publish: {{ allow: {json.dumps([*publish])} }}, subscribe: {{ allow: {json.dumps([*subscribe])} }}"
    return f"{{ {credential}, permissions: {{ {allowed} }} }} # {name}"


def _of_process(name: str, partitions: int) -> tuple[tuple[str, ...], tuple[str, ...]]:
    allowed = permissions_of(name, partitions)
    return allowed.publish, allowed.subscribe


def _heard_by_reader() -> tuple[str, ...]:
    return tuple(each for each in permissions_of(READER).subscribe if not each.startswith(inbox_prefix(READER)))


def logins(further: Iterable[str] = ()) -> tuple[str, ...]:
    """Return the users that a server has for those of the topology and `further` processes: most have two."""
    names = dict.fromkeys((*users(), *further))
    return tuple(login for name in names for login in _logins_of(name))


def _logins_of(name: str) -> tuple[str, ...]:
    return (name,) if name in (OPERATOR, READER) else (name, jetstream_user(name))


def password_of(user: str, secret: str) -> str:
    """Return the password of a user of the embedded server: derived from the secret, which only the supervisor has.

    Both users of a process have the same.
    """
    return hmac.new(secret.encode(), user.encode(), hashlib.sha256).hexdigest()


def with_passwords(secret: str, further: Iterable[str] = (), partitions: int = 1) -> str:
    """Return the accounts of the embedded server, with users of `further` processes besides those of the topology."""
    names = dict.fromkeys((*users(), *further))
    return accounts(
        {
            login: f'user: "{login}", password: "{password_of(name, secret)}"'
            for name in names
            for login in _logins_of(name)
        },
        partitions,
    )


def write_users_with_password(folder: Path, password: str, further: Iterable[str] = (), partitions: int = 1) -> Path:
    """Write `users.conf` with users that all have one password, for development; return its path. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    config = folder / "users.conf"
    given = {login: f"user: {json.dumps(login)}, password: {json.dumps(password)}" for login in logins(further)}
    config.write_text(accounts(given, partitions))
    return config


def write_users(folder: Path, further: Iterable[str] = (), partitions: int = 1) -> Path:
    """Write the keys of each process, `<process>.nk`, and `users.conf` with what each may do; return its path.

    It has the mapping of a log with several `partitions`, too.
    Keys that exist stay as they are. The server is told public keys only. Raises OSError, BadSeed with the file's name.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    lines: dict[str, str] = {}
    for name in dict.fromkeys((*users(), *further)):
        logins = _logins_of(name)
        keys = _keys_in(folder / f"{name}.nk", len(logins))
        lines |= {login: f"nkey: {key.public}" for login, key in zip(logins, keys, strict=True)}
    config = folder / "users.conf"
    config.write_text(accounts(lines, partitions))
    return config


def _keys_in(file: Path, count: int) -> list[UserKey]:
    """Return the first keys of a file, a line each; those that it lacks are added."""
    if not file.exists():
        file.touch(mode=0o600)
    try:
        keys = [UserKey.of_seed(line) for line in file.read_text().split()[:count]]
    except BadSeed as error:
        raise BadSeed(f"{file}: {error}") from None
    added = [UserKey.generated() for _ in range(count - len(keys))]
    if added:
        file.write_text("".join(f"{key.seed}\n" for key in (*keys, *added)))
    return [*keys, *added]
