"""The fork server of the rooms' processes as a copy of the worker's process: what that has imported is there already.

multiprocessing would start a fresh Python for it, which imports the same modules once more: at each start some seconds
of CPU, and then their memory a second time.
"""

import importlib
import logging
import os
import socket
import sys
import traceback
from collections.abc import Sequence
from contextlib import suppress
from multiprocessing import forkserver, resource_tracker
from multiprocessing.util import get_temp_dir
from typing import Any, NoReturn

from setproctitle import setproctitle

from infra.process.threads import thread_count

log = logging.getLogger(__name__)

WARM_UPS = ("livekit.agents.ipc._preload", "livekit.agents.ipc._preload_freeze")
"""What livekit-agents has its fork server import at the end, so that no job does."""


def fork_job_forkserver(warm_ups: Sequence[str] = WARM_UPS) -> bool:
    """Start the fork server of multiprocessing as a copy of this process; return whether that was possible.

    For a process that has no event loop yet. One with threads cannot be copied safely: there multiprocessing starts the
    fork server when the first job needs it, as it also does if this one ends. It ends with this process and its jobs.
    """
    if thread_count() > 1:
        log.debug("the fork server of jobs is started anew: this process has threads")
        return False
    resource_tracker.ensure_running()
    address = f"{get_temp_dir()}/jobs"
    alive_r, alive_w = os.pipe()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(address)
        os.chmod(address, 0o600)
        listener.listen()
        pid = os.fork()
        if pid == 0:
            os.close(alive_w)
            _serve(listener.detach(), alive_r, warm_ups)
    os.close(alive_r)
    server: Any = forkserver._forkserver
    server._forkserver_address, server._forkserver_alive_fd, server._forkserver_pid = address, alive_w, pid
    return True


def _serve(listener_fd: int, alive_r: int, warm_ups: Sequence[str]) -> NoReturn:
    """Fork jobs until the worker and all of them have ended."""
    code = 1
    try:
        setproctitle("daredevil: fork server of rooms")
        for module in warm_ups:
            with suppress(ImportError):
                importlib.import_module(module)
        forkserver.main(listener_fd, alive_r, [])
    except (SystemExit, KeyboardInterrupt):
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)
