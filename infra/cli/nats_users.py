"""`daredevil nats-users`: users for each process, for the configuration of a NATS server."""

from pathlib import Path
from typing import Annotated

import typer

from infra.cli.output import fail, out


def nats_users(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where the keys and `users.conf` are written.")],
    password: Annotated[
        str, typer.Option(help="For development: no keys, but this password for all users, named like the processes.")
    ] = "",
) -> None:
    """Write an account and users of NATS for each process, with what it may publish, subscribe to and ask.

    DIR gets `users.conf`, to be included in the configuration of each NATS server, with public keys only, and for each
    process a file with its secrets, `<process>.nk`. Keys that are there stay, so run it again after an upgrade and have
    NATS reload: what processes may do changes with the version. To replace keys, delete their file first.

    For a log with several partitions give their number in DAREDEVIL_PARTITIONS: `users.conf` then has the mapping, too.

    `operator` may do everything and is what commands use; `reader` is for programs of your own that read the log and
    listen.

    Example:
      daredevil nats-users /etc/daredevil/nats

      DAREDEVIL_NATS_NKEY_FILE='/etc/daredevil/nats/{process}.nk' daredevil provision

    """
    from infra.log.nats_users import write_users, write_users_with_password
    from infra.log.nkeys import BadSeed
    from infra.projection import projections
    from infra.settings import settings

    try:
        processes, partitions = [row.process for row in projections(settings())], settings().partitions or 1
        if password:
            out().print(write_users_with_password(folder, password, processes, partitions), markup=False)
            return
        config = write_users(folder, processes, partitions)
    except (OSError, BadSeed) as error:
        fail(f"users cannot be written to {folder}: {error}")
    keys = sorted(folder.glob("*.nk"))
    out().print(f"{config} and {len(keys)} files of keys. In the configuration of each NATS server:", markup=False)
    out().print(f'\n    include "{config.name}"\n', markup=False)
    out().print("For the processes (give each machine only the keys of what runs there):", markup=False)
    out().print(f"\n    DAREDEVIL_NATS_NKEY_FILE='{folder.absolute()}/{{process}}.nk'\n", markup=False)
    out().print(
        "Then, with the operator's key, for no other user may create streams: daredevil provision", markup=False
    )
