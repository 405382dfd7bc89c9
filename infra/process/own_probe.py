"""Asks the process at a port whether it is ready, with little of the standard library: a container's health check."""

import json
import socket
from collections.abc import Mapping, Sequence
from time import monotonic

ANYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}
DEFAULT_TIMEOUT_S = 3.0
MOST_BYTES = 65_536


def problem_at(name: str, host: str, port: int, timeout_s: float) -> str:
    """Return why the process whose probes are at this address is not ready; empty if it is."""
    host = ANYWHERE.get(host, host)
    where = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    try:
        head, body = _get(host, port, where, timeout_s)
    except OSError as error:
        why = f"within {timeout_s:g} s" if isinstance(error, TimeoutError) else f"({error.strerror or error})"
        return f"{name} does not answer at {where} {why}"
    try:
        answer = json.loads(body)
        return "" if head.split()[1] == b"200" and answer["status"] == "ready" else str(answer["problem"])
    except (ValueError, KeyError, TypeError, IndexError):
        return f"{where} answers, but not as a process of ours: set DAREDEVIL_PROBE_PORT to the port of {name}"


def _get(host: str, port: int, where: str, timeout_s: float) -> tuple[bytes, bytes]:
    """Return head and body of the response. Raises OSError, TimeoutError."""
    until_s = monotonic() + timeout_s
    with socket.create_connection((host, port), timeout=timeout_s) as asking:
        asking.sendall(f"GET /readyz HTTP/1.0\r\nHost: {where}\r\n\r\n".encode())
        answer = b""
        while len(answer) < MOST_BYTES:
            asking.settimeout(max(until_s - monotonic(), 0.001))
            piece = asking.recv(MOST_BYTES)
            if not piece:
                break
            answer += piece
    head, _, body = answer.partition(b"\r\n\r\n")
    return head, body


def simple_health(arguments: Sequence[str], environment: Mapping[str, str]) -> tuple[str, int] | None:
    """Return the line and exit code of `daredevil health NAME [--timeout S]` for the process at DAREDEVIL_PROBE_PORT.

    None is for whatever else is asked, and wherever the variable is not in the environment: the command line, which
    takes ten times as long to start, knows the rest.
    """
    port = environment.get("DAREDEVIL_PROBE_PORT", "")
    timeout_s = DEFAULT_TIMEOUT_S
    match list(arguments):
        case ["health", name]:
            pass
        case ["health", name, "--timeout", given] | ["health", "--timeout", given, name]:
            try:
                timeout_s = float(given)
            except ValueError:
                return None
        case _:
            return None
    if not (port.isdecimal() and 0 < int(port) <= 65_535 and 0.1 <= timeout_s <= 60) or name.startswith("-"):
        return None
    problem = problem_at(name, environment.get("DAREDEVIL_PROBE_HOST", ""), int(port), timeout_s)
    return (f"not ready: {problem}", 1) if problem else (f"ready: {name}", 0)
