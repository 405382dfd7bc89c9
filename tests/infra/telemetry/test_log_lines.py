"""Which lines of libraries are left out, as they tell of errors that are none."""

import asyncio
import logging
import socket

import pytest

from infra.telemetry.logs import means_something


@pytest.mark.parametrize(
    ("error", "are_told"),
    [(socket.gaierror(-2, "Name or service not known"), False), (OSError("the disk is full"), True)],
)
async def test_a_lookup_that_nobody_waits_for_any_more_is_no_error(
    caplog: pytest.LogCaptureFixture, error: OSError, are_told: bool
) -> None:
    asyncio.get_running_loop().call_exception_handler(
        {"message": "Future exception was never retrieved", "exception": error}
    )
    assert [means_something(record) for record in caplog.records] == [are_told]


def test_a_lookup_that_failed_elsewhere_is_told(caplog: pytest.LogCaptureFixture) -> None:
    try:
        raise socket.gaierror(-2, "Name or service not known")
    except OSError:
        logging.getLogger("asyncio").exception("Task exception was never retrieved")
    assert [means_something(record) for record in caplog.records] == [True]
