"""Whether the page can be served at the address that is set."""

import errno
import socket

from infra.system.start_failed import StartFailed

NOT_OURS = (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT, errno.EINVAL)
"""Errors of binding to an address of another machine, or of an unsupported family."""


def port_problem(host: str, port: int) -> tuple[str, str] | None:
    """Return why the page's port cannot be listened on, and what to do about the setting at fault; None if it can."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            why = f"cannot listen on port {port} of {host} ({error.strerror or error})"
            if isinstance(error, socket.gaierror) or error.errno in NOT_OURS:
                return why, "set DAREDEVIL_HOST to an address of this machine (0.0.0.0 for all of them)"
            if error.errno == errno.EACCES:
                return why, "choose a port above 1023 with DAREDEVIL_PORT"
            return why, "stop the program that uses it, or choose another port with DAREDEVIL_PORT (0: any free one)"
    return None


def check_port(host: str, port: int) -> None:
    """Make sure that the page's port can be listened on. Raises StartFailed naming the setting to change."""
    if problem := port_problem(host, port):
        raise StartFailed(f"{problem[0]}: {problem[1]}")
