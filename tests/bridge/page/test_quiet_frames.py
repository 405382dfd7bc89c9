"""The page joins quiet by the same rule as the door and our own callers: all take the same sound."""

import random

import numpy as np
import pytest
from playwright.async_api import Page

from infra.session.quiet import QUIET_PEAK, Quiet
from tests.bridge.page.browser import needs_chromium

pytestmark = [needs_chromium, pytest.mark.asyncio(loop_scope="package")]

SENT = """
async (steps) => {
  const { QuietFrames } = await import("./quiet-frames.js");
  const frames = new QuietFrames();
  const sent = [];
  for (const step of steps) {
    if (typeof step === "string") frames.fact({ name: step, data: {} });
    else {
      const joined = frames.take(new Int16Array(320).fill(step), Math.abs(step) / 32767);
      if (joined) sent.push([...joined.filter((_, n) => n % 320 === 0)]);
    }
  }
  return sent;
}
"""


def sent_by_callers(steps: list[int | str]) -> list[list[int]]:
    """Return the frames that are sent together, each as its level."""
    quiet, held, sent = Quiet(), [], []
    for step in steps:
        if isinstance(step, str):
            quiet.may_end_turn = step == "SpeechStarted"
            continue
        held.append(step)
        if not quiet.waits(np.full(320, step, "<i2").tobytes(), len(held)):
            sent.append(held)
            held = []
    return sent


async def test_page_and_callers_join_the_same_frames(still: Page) -> None:
    chance = random.Random(1)
    steps: list[int | str] = []
    for _ in range(20):
        steps += chance.choices(["SpeechStarted", "TurnEnded"], k=chance.randint(0, 1))
        steps += [chance.choice([0, QUIET_PEAK, -QUIET_PEAK, QUIET_PEAK + 1, 9_000])] * chance.randint(1, 200)
    sent = await still.evaluate(SENT, steps)
    assert sent == sent_by_callers(steps)
    assert {len(joined) for joined in sent} >= {1, 5}
