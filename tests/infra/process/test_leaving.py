"""A process ends in time: each step has a bound, and what does not keep it is left behind."""

import asyncio
import logging
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import pytest

from infra.process.leaving import ends_within


@asynccontextmanager
async def noted(told: list[str], name: str, hangs: bool = False) -> AsyncIterator[str]:
    told.append(f"{name} begins")
    try:
        yield name
        if hangs:
            await asyncio.Event().wait()
    finally:
        told.append(f"{name} ends")


async def test_an_end_that_hangs_is_given_up_and_the_others_follow(caplog: pytest.LogCaptureFixture) -> None:
    told: list[str] = []
    async with AsyncExitStack() as stack:
        assert await stack.enter_async_context(ends_within(noted(told, "one"), 60, "one")) == "one"
        await stack.enter_async_context(ends_within(noted(told, "two", hangs=True), 0.05, "two"))
    assert told == ["one begins", "two begins", "two ends", "one ends"]
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING] == [
        "the end of two took longer than 0.05 s"
    ]


async def test_what_is_raised_within_reaches_the_context_and_whoever_entered_it() -> None:
    told: list[str] = []
    with pytest.raises(ValueError, match="within"):
        async with ends_within(noted(told, "one"), 60, "one"):
            raise ValueError("within")
    assert told == ["one begins", "one ends"]


def ended(script: str) -> "subprocess.CompletedProcess[str]":
    begin = "import atexit, logging, time\nfrom infra.process.leaving import Leaving\nlogging.basicConfig()\n"
    return subprocess.run(
        [sys.executable, "-c", begin + script], capture_output=True, text=True, timeout=60, check=False
    )


def test_a_process_that_does_not_end_in_time_leaves() -> None:
    done = ended("Leaving(True).begin(0.1)\ntime.sleep(600)")
    assert (done.returncode, "has not ended within 0.1 s" in done.stderr) == (1, True)


def test_after_its_app_a_process_does_not_take_itself_apart() -> None:
    done = ended(
        "atexit.register(time.sleep, 600)\nleaving = Leaving(True)\nleaving.begin(500)\nprint('said')\n"
        "leaving.finish(0)"
    )
    assert (done.returncode, done.stdout) == (0, "said\n")


def test_a_process_that_is_more_than_an_app_goes_on() -> None:
    done = ended(
        "leaving = Leaving(False)\nleaving.begin(0.01)\nleaving.finish(0)\n"
        "time.sleep(0.2)\natexit.register(print, 'last')"
    )
    assert (done.returncode, done.stdout) == (0, "last\n")
