"""How many calls a core of this machine carries with the local engines, estimated from how fast they are here."""

import asyncio
import time

from infra.engines.plugins import LOCAL
from infra.process.system_cpu import cores
from infra.settings import Settings
from infra.shares import engine_names
from infra.system.doctor.finding import Finding, installed

SAID = "It is half past nine, and the sun is shining."
TRIES = 3
TIMEOUT_S = 20.0
WITHIN_S = 60.0
"""How long all of it may take, loading included: 6 s here."""
SAMPLE_RATE_HZ = 16_000

TURN_RUNS = 7.0
"""How much more CPU a turn takes than saying and recognising one clause: further clauses, guesses, the end of turn, the
model. Measured: 1.4 s for a turn where these two took 0.2 s."""

TURN_S = 6.0
"""How often somebody in a call takes a turn."""

BUSY = 0.9
"""How much of the CPU calls may use (`bridge.call.admission`)."""


def calls_per_core(clause_cpu_s: float) -> float:
    """Return how many calls a core carries if saying and recognising a clause takes this much CPU time. Pure."""
    return BUSY * TURN_S / (clause_cpu_s * TURN_RUNS)


async def capacity(settings: Settings, within_s: float = WITHIN_S) -> list[Finding]:
    """Run the local engines for some seconds; nothing where speech is recognised or spoken elsewhere."""
    if any(engine_names(chain)[:1] != [LOCAL] for chain in (settings.stt, settings.tts)):
        return []
    if not (installed("piper") and installed("moonshine_voice")):
        return []
    try:
        async with asyncio.timeout(within_s):
            clause_cpu_s = await _measured(settings)
    except TimeoutError:
        too_slow = f"saying and recognising a clause takes longer than {within_s:g} s: too slow, or busy, for a call"
        return [Finding("capacity", "warning", too_slow)]
    except Exception as error:  # an engine may raise anything; what is wrong with it is another finding's
        return [Finding("capacity", "warning", f"the local engines could not be tried: {error}")]
    per_core = calls_per_core(clause_cpu_s)
    detail = (
        f"about {per_core:.1f} calls per core, {per_core * cores():.0f} on {cores():g} cores: saying and recognising a "
        f"clause takes {clause_cpu_s * 1000:.0f} ms of CPU; `/status` of a running system has that of its own calls"
    )
    return [Finding("capacity", "ok" if per_core * cores() >= 1 else "warning", detail)]


async def _measured(settings: Settings) -> float:
    """Return the CPU time in s of saying and recognising a clause: the shortest of some tries."""
    import numpy as np
    import soxr
    from livekit.agents.utils import http_context

    from infra.engines.stt import SpeechToText
    from infra.engines.tts import load_chain
    from infra.engines.voice import SynthesizedSound

    async with http_context.open():
        voice, ears = load_chain(settings), SpeechToText(LOCAL, {}, TIMEOUT_S)
        try:
            await voice.warm_up()
            await ears.warm_up()
            times_s = []
            for _ in range(TRIES):
                began_s = time.process_time()
                parts = [part async for part in voice.synthesize(SAID) if isinstance(part, SynthesizedSound)]
                sound = np.frombuffer(b"".join(part.pcm for part in parts), np.int16)
                heard = soxr.resample(sound, parts[0].sample_rate_hz, SAMPLE_RATE_HZ).astype(np.int16)
                await ears.recognise(heard.tobytes())
                times_s.append(time.process_time() - began_s)
            return min(times_s)
        finally:
            await voice.close()
            await ears.aclose()
