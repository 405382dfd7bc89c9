"""How long it takes to import what an agent is written with, beyond what an empty program takes."""

import os
import statistics
import subprocess
import sys

IMPORT = "from actors.reasoning import Agent, Call, action"
EMPTY = "pass"
PAIRS = 20


def measure_import(pairs: int = PAIRS) -> float:
    """Return the processor time that the import takes, in ms: median of pairs, after one that warms up."""
    differences = [_cpu_ms(IMPORT) - _cpu_ms(EMPTY) for _ in range(pairs + 1)]
    return statistics.median(differences[1:])


def _cpu_ms(program: str) -> float:
    """Return the processor time of a Python process that runs a program. Raises RuntimeError if it fails."""
    process = subprocess.Popen([sys.executable, "-c", program])
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"`{program}` ended with {process.returncode}")
    return (used.ru_utime + used.ru_stime) * 1000
