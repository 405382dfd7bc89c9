"""Processes that compute for a command: a terminal's signals are not for them, and they end with the command."""

import multiprocessing
import signal
import time

import pytest

from infra.system.workers import WorkerProcesses

pytestmark = pytest.mark.slow


def blocked() -> set[int]:
    return {int(each) for each in signal.pthread_sigmask(signal.SIG_BLOCK, ())}


def test_signals_that_end_a_command_do_not_reach_its_workers() -> None:
    with WorkerProcesses(1) as workers:
        assert workers.submit(blocked).result(60) >= {signal.SIGINT, signal.SIGTERM, signal.SIGHUP}
    assert signal.SIGINT not in blocked()


def fail_while_they_work() -> None:
    with WorkerProcesses(2) as workers:
        busy = [workers.submit(time.sleep, 600) for _ in range(2)]
        while not all(each.running() for each in busy):
            time.sleep(0.01)
        raise ValueError("ended")


def test_workers_do_not_outlive_a_block_that_fails() -> None:
    with pytest.raises(ValueError, match="ended"):
        fail_while_they_work()
    assert multiprocessing.active_children() == []
