"""Why a silence was so long: the page says it in the words of `daredevil latency`."""

from typing import Any

import pytest
from playwright.async_api import Browser

from contracts import events as e
from infra.session.silence_words import REASONS, why_silent
from tests.bridge.page.browser import needs_chromium
from tests.bridge.page.page_door import running_door

pytestmark = [needs_chromium, pytest.mark.asyncio(loop_scope="package")]

END_NS = 1_790_000_000_000_000_000
SAYS = """
async (cases) => {
  const { whySilent } = await import("./silence.js");
  return cases.map((each) => whySilent(...each));
}
"""


def evidence(**fields: Any) -> e.TurnEvidence:
    times = {"silence_ms": 400.0, "speech_ended_ns": END_NS, "text_ready_ns": END_NS}
    return e.TurnEvidence(**{"required_silence_ms": 350.0} | times | fields)


def scored(after_ms: float, problem: str = "") -> e.TranscriptScored:
    at_ns = END_NS + round(after_ms * 1e6)
    return e.TranscriptScored(event_id="s", session_id="s-1", time_ns=at_ns, participant_id="p", problem=problem)


CASES: list[tuple[e.TurnEvidence, list[e.TranscriptScored], float]] = [
    *((evidence(patience="balanced", reason=reason, score=1.234), [scored(80)], 360) for reason in REASONS),
    (evidence(patience="quick", reason="of-a-later-version"), [], 360),
    (evidence(patience="quick", reason="no-score"), [], 360),
    (evidence(patience="quick", reason="no-score"), [scored(80, "no answer within 1 s")], 360),
    (evidence(patience="quick", reason="no-score"), [scored(80)], 360),
    (evidence(patience="patient", reason="sure", score=0.5), [scored(80), scored(420)], 500),
    (evidence(patience="patient", reason="sure", score=0.5), [scored(80)], 500),
    (evidence(unfinished=True), [], 350),
    (evidence(end_of_turn_probability=0.0), [], 399.9),
    (evidence(end_of_turn_probability=0.427), [], 400),
    (evidence(), [], 0),
]


async def test_the_page_says_of_every_silence_what_the_command_says(browser: Browser) -> None:
    given = [
        [each.model_dump(mode="json", exclude_none=True), [score.model_dump(mode="json") for score in scores], ms]
        for each, scores, ms in CASES
    ]
    async with running_door() as door:
        page = await browser.new_page()
        await page.goto(door.url)
        said = await page.evaluate(SAYS, given)
        await page.close()
    assert said == [why_silent(*case) for case in CASES]
