"""pairs.py NAME [opener] [first-last]: each call at a system with an opener and at one without, alternating."""

import asyncio, json, sys, time
from dataclasses import asdict
from pathlib import Path
from infra.bench.gap import read_manifest, groups, measure_one
from infra.bench.paired import measure_pairs
from infra.cli.doors import DOORS, WEBSOCKET, CallOptions
from infra.cli.system import systems_apart

name, opener = sys.argv[1], sys.argv[2]
order = [int(x) for x in sys.argv[3].split(",")]
facts = open(f"/tmp/retract/{name}.facts", "w")
rows = []


def kept(dial, kind):
    async def call(utterances, **more):
        result = await dial(utterances, **more)
        facts.write(json.dumps({"kind": kind, "session": result.session_id, "facts": result.facts}) + "\n")
        facts.flush()
        return result

    return call


def report(kind):
    def show(call):
        rows.append({"kind": kind, **asdict(call)})
        json.dump(rows, open(f"/tmp/retract/{name}.json", "w"))
        print(
            kind,
            call.wav,
            call.gap_ms,
            call.sound_ms,
            call.early,
            call.false_starts,
            call.silenced_ms,
            call.problem,
            flush=True,
        )

    return show


async def main():
    plans = read_manifest(Path("tests/data/calls"))
    door = DOORS[WEBSOCKET]
    begun = time.time()
    async with systems_apart({"opener": ""}, {"opener": opener}) as (one, two):
        print("started", time.time() - begun, flush=True)
        a, b = (
            kept(door.here(one.runtime, CallOptions()), "without"),
            kept(door.here(two.runtime, CallOptions()), "with"),
        )
        await asyncio.sleep(12)
        await measure_one(a, plans[0])
        await measure_one(b, plans[0])
        print("warm", time.time() - begun, flush=True)
        await measure_pairs(a, b, [plans[i] for i in order], report("without"), report("with"), 1.0)
        cued = []
        for line in open(f"/tmp/retract/{name}.facts"):
            d = json.loads(line)
            if any(f["name"] == "OpenerCued" for f in d["facts"]):
                cued.append(d["session"])
        await asyncio.sleep(3)
        import os

        env = {**os.environ, "DAREDEVIL_DATA_DIR": str(two.data_dir)}
        for session in cued[:3]:
            proc = await asyncio.create_subprocess_exec(
                ".venv/bin/daredevil",
                "replay",
                session,
                "--verify",
                env=env,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
            )
            out, _ = await proc.communicate()
            print("verify", session, proc.returncode, out.decode()[-800:], flush=True)
        for session in cued[:1]:
            for cmd in (["turns", session], ["latency", session], ["export", session, "--format", "txt"]):
                proc = await asyncio.create_subprocess_exec(
                    ".venv/bin/daredevil",
                    *cmd,
                    env=env,
                    stdout=asyncio.subprocess.PIPE,
                    stderr=asyncio.subprocess.STDOUT,
                )
                out, _ = await proc.communicate()
                print(cmd, proc.returncode, out.decode()[-1500:], flush=True)


asyncio.run(main())
