import asyncio
import os
import random
import shutil
import socket
import struct
from dataclasses import asdict

import pytest

from infra.bench import bad_network
from infra.bench.attempts import NotMeasured
from infra.bench.bad_network import Impairment, NoNetwork, bad_line, is_spared, plan, run, set_up
from infra.bench.network import compare, line_figures
from infra.cli.json_output import OUTPUTS

pytestmark = pytest.mark.slow


def test_so_many_packets_are_lost_and_the_others_late_give_or_take() -> None:
    chance = random.Random(1)
    delays = [Impairment(5, 50).delay_s(chance) for _ in range(10_000)]
    late = [delay_s for delay_s in delays if delay_s is not None]
    assert 1 - len(late) / len(delays) == pytest.approx(0.05, abs=0.01)
    assert 0 <= min(late) < 0.005
    assert 0.095 < max(late) <= 0.1
    assert Impairment().delay_s(chance) == 0


def a_packet(protocol: int, source: int, destination: int) -> bytes:
    return struct.pack("!BBHHHBBH8x", 0x45, 0, 40, 0, 0, 64, protocol, 0) + struct.pack("!HH", source, destination)


def test_only_the_port_of_the_log_is_spared() -> None:
    assert is_spared(a_packet(6, 50_000, 4222), 4222)
    assert is_spared(a_packet(6, 4222, 50_000), 4222)
    assert not is_spared(a_packet(6, 50_000, 7880), 4222)
    assert not is_spared(a_packet(17, 50_000, 4222), 4222)
    assert not is_spared(b"", 4222)
    assert not is_spared(b"\x60" + bytes(60), 4222)


def test_names_fit_what_the_kernel_allows() -> None:
    space = plan("abcdef", 255)
    assert max(len(space.outer), len(space.inner)) <= 15
    assert set_up(space)[0] == ("ip", "netns", "add", "dd-abcdef")


def test_what_is_missing_is_said_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(shutil, "which", lambda tool: f"/sbin/{tool}")
    assert "need root" in bad_network.why_not()
    monkeypatch.setattr(shutil, "which", lambda _tool: None)
    assert "install iproute2" in bad_network.why_not()


ECHO = """
import socket, sys
inside = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
inside.settimeout(5)
for number in range(int(sys.argv[2])):
    inside.sendto(b"%d" % number, (sys.argv[1], 5555))
inside.sendto(b"end", (sys.argv[1], 5556))
print(inside.recv(10))
"""


@pytest.mark.skipif(bool(bad_network.why_not()), reason=bad_network.why_not() or "possible here")
async def test_packets_pass_the_line_are_lost_on_it_and_the_namespace_goes() -> None:
    import sys

    async with bad_line() as line:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as outside:
            outside.bind((line.space.outer_ip, 5556))
            outside.setblocking(False)
            for impairment in (Impairment(), Impairment(50, 5)):
                line.impairment, line.carried, line.lost = impairment, 0, 0
                process = await asyncio.create_subprocess_exec(
                    *line.space.inside(sys.executable, "-c", ECHO, line.space.outer_ip, "300")
                )
                if impairment.loss_percent == 0:
                    async with asyncio.timeout(10):
                        _, sender = await asyncio.get_running_loop().sock_recvfrom(outside, 10)
                    await asyncio.get_running_loop().sock_sendto(outside, b"back", sender)
                    assert await process.wait() == 0
                    assert line.lost == 0
                else:
                    await process.wait()
                    assert 0.4 < line.lost / line.carried < 0.6
                assert line.carried > 300
    with pytest.raises(NoNetwork, match=line.space.name):
        await run(line.space.inside("true"))


def test_both_lines_are_compared_in_points() -> None:
    group = {"calls": 4, "failed": 0, "median_ms": 500.0, "p95_ms": 700.0, "word_error_rate": 0.02}
    clean = line_figures({"groups": {"plain": group}})
    bad = line_figures({"groups": {"plain": group, "all": {**group, "failed": 1, "word_error_rate": 0.045}}})
    figures = compare(Impairment(5, 50), clean, bad)
    assert figures.word_errors_added_points == 2.5
    assert figures.bad == bad
    assert (bad.calls, bad.lost) == (4, 1)


def test_a_line_that_was_not_measured_does_not_lose_the_other() -> None:
    group = {"calls": 4, "failed": 0, "median_ms": 500.0, "p95_ms": 700.0, "word_error_rate": 0.02}
    clean = line_figures({"groups": {"plain": group}})
    figures = compare(Impairment(5, 50), clean, None, [NotMeasured("the bad line", "TimeoutError")])
    assert (figures.clean, figures.bad, figures.word_errors_added_points) == (clean, None, None)
    OUTPUTS["bench network"].model().model_validate(asdict(figures))
