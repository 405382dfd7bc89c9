"""`python -m tests.peers`: the gap of LiveKit Agents and Pipecat beside ours, over the same calls.

Every call is placed with each system in turn, before the next one: ours at the WebSocket door, the others in their own
process, without a network. All use the same engines, weights, prompt and examples, the same server of the language
model and the same machine. `make bench-peers` makes their environments first.
"""

import asyncio
import secrets
import sys
import tempfile
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Annotated, Any

import typer

from actors.reasoning.prompts import Background, prompt_messages
from infra.bench.gap import CallPlan, read_manifest
from infra.caller import CallFailed, CallResult, ScriptedUtterance
from infra.caller.talk import Dial
from infra.cli.doors import WEBSOCKET, open_door
from infra.cli.output import BAD_INPUT, err, fail, out, run_async
from infra.engines.llm import LOCAL, local_url, options_of
from infra.settings import settings
from tests.peers.figures import OURS, Placed, Run, as_json_text, calls_in, groups
from tests.peers.messages import Setup
from tests.peers.peer import PEERS, PeerGone, running

REST_S = 3.0
"""After a call of ours, so that its summary is written before the next system is asked."""
ROLES = {"system": "system", "human": "user", "ai": "assistant"}

Place = Callable[[CallPlan], Awaitable[Placed]]


def setup(tuned: bool) -> Setup:
    """Return what a peer is told: the model with its options, prompt and examples as ours has them."""
    messages = prompt_messages(LOCAL, settings().prompt, Background(), "?")[:-1]
    told = [{"role": ROLES[message.type], "content": str(message.content)} for message in messages]
    return Setup(local_url(settings()), told, options_of(LOCAL, settings()), tuned)


def ours(dial: Dial) -> Place:
    """Return how to place a call with our own system."""

    async def place(plan: CallPlan) -> Placed:
        try:
            # A new person each time: nobody's answers are cached, and nothing is remembered of them.
            caller = f"bench-{secrets.token_hex(4)}"
            result = await dial([ScriptedUtterance(plan.sound, plan.end_of_speech_sample)], user_id=caller)
        except CallFailed as failure:
            return Placed(OURS, plan.wav, plan.pause, plan.text, problem=str(failure))
        finally:
            await asyncio.sleep(REST_S)
        return ours_of(plan, result)

    return place


def ours_of(plan: CallPlan, result: CallResult) -> Placed:
    """Return a call of ours as the others are measured."""
    end_s = result.said[0].end_of_speech_s
    onsets = (reply.started_at_s for reply in result.replies)
    onsets_ms = tuple(round((at_s - end_s) * 1000, 1) for at_s in onsets if at_s is not None)
    started = [fact["data"] for fact in result.facts if fact["name"] == "ReplyStarted"]
    heard = " ".join(turn.text for turn in result.turns)
    asked = bool(started and started[-1].get("request") and not started[-1].get("cached"))
    return Placed(OURS, plan.wav, plan.pause, plan.text, onsets_ms, heard, without_model=not asked)


async def measure(plans: Sequence[CallPlan], tunings: Sequence[bool], report: Callable[[Placed], None]) -> list[Placed]:
    """Place each call with each system, after a first one that does not count. Raises PeerGone."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="peers-")))
        places: list[Place] = [ours(await stack.enter_async_context(open_door(WEBSOCKET)))]
        for name, kind in PEERS.items():
            for tuned in tunings:
                called = f"{name}, tuned" if tuned else name
                peer = await stack.enter_async_context(running(called, kind, setup(tuned), folder))
                places.append(peer.place)
        for place in places:
            await place(plans[0])
        placed = []
        for number, plan in enumerate(plans):
            turn = number % len(places)
            for place in (*places[turn:], *places[:turn]):
                placed.append(await place(plan))
                report(placed[-1])
        return sorted(placed, key=lambda call: call.system != OURS)


def show(calls: Sequence[Placed]) -> None:
    """Print the table."""
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in ("calls", "system", "median", "P95", "max", "against ours", "cut off", "answered", "word errors"):
        table.add_column(column, justify="left" if column in ("calls", "system") else "right", no_wrap=True)
    for kind, of_each in groups(calls).items():
        for system, its in of_each.items():
            slower = "" if its.slower_ms is None else f"{its.slower_ms:+.0f}"
            errors = "—" if its.word_error_rate is None else f"{its.word_error_rate:.1%}"
            gaps = (f"{its.median_ms:.0f}", f"{its.p95_ms:.0f}", f"{its.max_ms:.0f}", slower)
            table.add_row(kind, system, *gaps, str(its.cut_off), f"{its.answered}/{its.calls}", errors)
        table.add_section()
    out().print(table)
    for call in calls:
        if call.problem:
            out().print(f"{call.system} {call.wav}: {call.problem}", style="red", markup=False)


def main(
    calls: Annotated[Path, typer.Option("--calls", metavar="DIR", help="A folder with WAVs and a manifest.json.")],
    part: Annotated[
        str, typer.Option(metavar="K/N", help="Only each Nth call, from the Kth on: a part of a long run.")
    ] = "1/1",
    tuned: Annotated[
        bool | None, typer.Option("--tuned/--default", help="One of the peers' settings only; by default both.")
    ] = None,
    earlier: Annotated[
        list[Path] | None, typer.Option("--with", metavar="FILE", help="The JSON of an earlier part, counted with it.")
    ] = None,
    only_show: Annotated[bool, typer.Option("--show", help="Place no call: show the earlier parts.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Measure the gap of LiveKit Agents and Pipecat beside ours."""
    try:
        plans = read_manifest(calls)
        first, of = (int(number) for number in part.split("/"))
        before = [call for path in earlier or () for call in calls_in(path.read_text())]
    except (OSError, ValueError, KeyError) as error:
        fail(str(error), BAD_INPUT)
    placed: list[Placed] = []
    if not only_show:
        tunings = (False, True) if tuned is None else (tuned,)
        try:
            placed = run_async(measure(plans[first - 1 :: of], tunings, tell))
        except PeerGone as error:
            fail(str(error))
    run = Run(told_settings(), (*before, *placed))
    if as_json:
        typer.echo(as_json_text(run))
    else:
        show(run.calls)


def told_settings() -> dict[str, Any]:
    """Return the settings of ours that matter to the gap."""
    names = ("patience", "min_endpointing_delay_ms", "max_endpointing_delay_ms", "reply_max_tokens")
    return {name: getattr(settings(), name) for name in names}


def tell(call: Placed) -> None:
    """Print a call as soon as it has ended."""
    gap = "no answer" if call.gap_ms is None else f"{call.gap_ms:.0f} ms"
    cut = " cut off" if call.is_cut_off else ""
    err().print(f"{call.wav} {call.system}: {gap}{cut} {call.problem}", style="dim", markup=False)


if __name__ == "__main__":
    sys.argv[0] = "python -m tests.peers"
    typer.run(main)
