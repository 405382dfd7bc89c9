import os

import pytest

from infra.bench import bad_network
from infra.bench.bad_network import Impairment, impair, namespace, plan, run, set_up, take_down
from infra.bench.network import compare, line_figures


def test_the_line_is_spoiled_in_both_directions_but_for_one_port() -> None:
    space = plan("abc", 7)
    lines = [" ".join(command) for command in impair(space, Impairment(5, 50), 4222)]
    outer = [line for line in lines if line.startswith("tc ")]
    inner = [line for line in lines if line.startswith("ip netns exec dd-abc tc ")]
    assert len(outer) == len(inner) == 3
    for direction, device, port in ((outer, "ddabco", "sport"), (inner, "ddabci", "dport")):
        assert all(f"dev {device}" in line for line in direction)
        assert "netem limit 10000 delay 50ms 50ms loss 5%" in direction[1]
        assert f"match ip {port} 4222 0xffff flowid 1:1" in direction[2]


def test_what_is_set_up_is_taken_down() -> None:
    space = plan("abc", 7)
    assert set_up(space)[0] == ("ip", "netns", "add", "dd-abc")
    assert take_down(space) == [("ip", "netns", "delete", "dd-abc")]
    # Linux allows device names of 15 characters.
    assert max(len(space.outer), len(space.inner), len(plan("abcdef", 255).outer)) <= 15


def test_without_root_it_is_said_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(bad_network.shutil, "which", lambda tool: f"/sbin/{tool}")
    assert "need root" in bad_network.why_not()
    monkeypatch.setattr(bad_network.shutil, "which", lambda _tool: None)
    assert "install iproute2" in bad_network.why_not()


@pytest.mark.skipif(bool(bad_network.why_not()), reason=bad_network.why_not() or "possible here")
async def test_a_namespace_is_made_spoiled_and_removed() -> None:
    async with namespace() as space:
        for command in impair(space, Impairment(5, 50), 4222):
            await run(command)
        await run(space.inside("ip", "route", "get", space.outer_ip))
    with pytest.raises(bad_network.NoNetwork, match=space.name):
        await run(space.inside("true"))


def test_both_lines_are_compared_in_points() -> None:
    group = {"calls": 4, "failed": 0, "median_ms": 500.0, "p95_ms": 700.0, "word_error_rate": 0.02}
    clean = line_figures({"groups": {"plain": group}})
    bad = line_figures({"groups": {"plain": group, "all": {**group, "failed": 1, "word_error_rate": 0.045}}})
    figures = compare(Impairment(5, 50), clean, bad)
    assert figures.word_errors_added_points == 2.5
    assert (figures.bad.calls, figures.bad.lost) == (4, 1)
