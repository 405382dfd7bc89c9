"""`daredevil provision`: the streams, buckets and consumers on NATS as the code and the settings want them."""

import json
from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from infra.cli.output import FAILED, err, out, progress, run_async

if TYPE_CHECKING:
    from infra.log.provisioning import StreamChange


def provision(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would be done.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object per line.")] = False,
    partitions: Annotated[
        int,
        typer.Option(
            "--partitions",
            min=0,
            max=64,
            help="Over how many streams sessions are spread, chosen when the log is created (DAREDEVIL_PARTITIONS).",
        ),
    ] = 0,
) -> None:
    """Create the streams, buckets and consumers on NATS, and change those that differ from the settings.

    Messages that are stored stay. Where nothing differs nothing is done, so it may run before every deployment. A
    field that JetStream cannot change in an existing stream is named, with what to do by hand; then the exit code is 1.
    It needs the credentials of an operator. `daredevil run` does it by itself for its own server, and creates what is
    missing on another.

    With several partitions the server needs a mapping of subjects in its configuration: this says which, if it is
    missing (docs/scale.md).

    Examples:
      daredevil provision --dry-run

      daredevil provision --partitions 4

      DAREDEVIL_NATS_REPLICAS=3 daredevil provision

    """
    # As text, the list at the end says the same.
    report = progress if as_json else lambda _: None
    changes, left = run_async(_provisioned(dry_run, partitions, report))
    for change in changes:
        typer.echo(json.dumps(_fields(change))) if as_json else _print(change, not dry_run and change not in left)
    if not changes:
        progress("everything is as it should be")
    elif dry_run:
        progress("nothing was changed (--dry-run)")
    for change in left:
        err().print(f"{change.what}: {change.remedy}", style="yellow", markup=False)
    if left:
        raise typer.Exit(FAILED)


def _fields(change: "StreamChange") -> dict[str, object]:
    differences = [asdict(difference) for difference in change.differences]
    return {
        "kind": change.kind,
        "name": change.name,
        "stream": change.stream,
        "differences": differences,
        "is_new": change.is_new,
        "remedy": change.remedy,
    }


def _print(change: "StreamChange", is_made: bool) -> None:
    states = ("created", "changed") if is_made else ("missing", "differs")
    state = states[0] if change.is_new else states[1]
    out().print(f"{change.what}: {state}", markup=False)
    for difference in change.differences:
        by_hand = " (cannot be changed)" if difference.fixed else ""
        out().print(f"    {difference.field}: {difference.now} → {difference.wanted}{by_hand}", markup=False)


async def _provisioned(
    dry_run: bool, partitions: int, report: Callable[[str], None]
) -> "tuple[list[StreamChange], list[StreamChange]]":
    """Return what was not as it should be, and what of it has to be done by hand."""
    from infra.cannot_run import CannotRun
    from infra.cli.system import LogEmpty, log_connection
    from infra.log.log_streams import OtherPartitions, look
    from infra.log.provisioning import plan
    from infra.log.provisioning import provision as make
    from infra.projection import check_partitions
    from infra.settings import settings

    try:
        async with log_connection() as nc:
            js = nc.jetstream()
            there = await look(nc)
            if partitions and there is not None and there.partitions != partitions:
                raise OtherPartitions(there.partitions, f"--partitions wants {partitions}", "leave --partitions out")
            given = settings().model_copy(update={"partitions": partitions or settings().partitions})
            if there is None:
                check_partitions(given, given.partitions or 1)
            changes = await plan(js, given)
            if not dry_run:
                await make(js, report, given=given)
            return changes, [change for change in changes if change.remedy]
    except LogEmpty:
        raise CannotRun(
            "there is no log here yet, and `daredevil run` makes one as it should be. For a NATS of your own set "
            "DAREDEVIL_NATS_URL"
        ) from None
