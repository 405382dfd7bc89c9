"""The browser page, in headless Chromium against a scripted door."""

from typing import Any

import pytest
from playwright.async_api import Page, expect

from tests.bridge.page.browser import holds, needs_chromium
from tests.bridge.page.page_door import RATE_HZ, SESSION, PageDoor, tone, until

pytestmark = [
    pytest.mark.asyncio(loop_scope="package"),
    needs_chromium,
]

PARTS = {
    "endpointing_ms": 402.0,
    "stt_ms": 38.0,
    "first_token_ms": 71.0,
    "first_audio_ms": 84.0,
    "bus_ms": 9.0,
    "playback_ms": 8.0,
}
GAP_MS = sum(PARTS.values())


async def talk(page: Page, door: PageDoor) -> None:
    await page.get_by_role("button", name="Talk", exact=True).click()
    await until(lambda: door.socket)
    await holds(page, "daredevil.state === 'listening'")


async def say_turn(door: PageDoor, text: str, turn_id: str = "t1", **fields: Any) -> None:
    await door.fact("TurnEnded", turn_id=turn_id, participant_id="person-1", text=text, **fields)


async def write_clause(door: PageDoor, index: int, text: str, word_ends: list[int], reply_id: str = "r1") -> None:
    """A clause, written and made into sound."""
    clause: dict[str, Any] = {"turn_id": "t1", "reply_id": reply_id, "index": index, "text": text}
    await door.fact("ReplyClauseWritten", **clause)
    sound: dict[str, Any] = {"samples": word_ends[-1], "sample_rate_hz": RATE_HZ, "word_end_samples": word_ends}
    await door.fact("ClauseSynthesized", **clause, **sound)


# -- hearing


@pytest.mark.parametrize("where", ["?token=a.b.c", "#token=a.b.c", "login"])
async def test_who_talks_is_told_by_a_token_in_the_address_or_of_a_login(
    page: Page, door: PageDoor, where: str
) -> None:
    if where == "login":
        await page.evaluate("window.daredevilToken = async () => 'a.b.c'")
    else:
        await page.goto("about:blank")
        await page.goto(f"{door.url}{where}")
    await page.get_by_role("button", name="Talk", exact=True).click()
    await until(lambda: door.hellos)
    assert door.hellos[0]["token"] == "a.b.c"


async def test_talk_says_hello_and_sends_sound_in_frames_of_20_ms_at_the_rate_it_named(
    page: Page, door: PageDoor
) -> None:
    await talk(page, door)
    await until(lambda: len(door.sound_frames) >= 5)
    hello = door.hellos[0]
    assert hello["type"] == "hello"
    assert hello["mic"] is True
    assert "session_id" not in hello
    assert 8_000 <= hello["sample_rate_hz"] <= 48_000
    assert {len(frame) for frame in door.sound_frames} == {hello["sample_rate_hz"] // 50 * 2}


async def test_mute_sends_silence(page: Page, door: PageDoor) -> None:
    await talk(page, door)
    await until(lambda: any(any(frame) for frame in door.sound_frames))
    await page.get_by_role("button", name="Mute").click()
    await holds(page, "daredevil.state === 'muted'")
    await until(lambda: len(door.sound_frames) > 10 and not any(b"".join(door.sound_frames[-5:])))


async def test_words_appear_while_they_are_said_and_become_final(page: Page, door: PageDoor) -> None:
    await talk(page, door)
    revised = {"turn_id": "t1", "utterance_id": "u1", "participant_id": "person-1"}
    await door.fact("TranscriptRevised", **revised, revision=0, text="What is")
    await expect(page.locator(".user.interim")).to_have_text("What is")
    await door.fact("TranscriptRevised", **revised, revision=1, text="What is the time?", settled=True)
    await expect(page.locator(".user.settled")).to_have_text("What is the time?")
    await say_turn(door, "What is the time?")
    await expect(page.locator(".user:not(.interim, .settled)")).to_have_text("What is the time?")
    await expect(page.get_by_role("log")).to_have_text("You: What is the time?")
    await holds(page, "daredevil.state === 'thinking'")


async def test_a_draft_is_preparing_until_it_is_committed(page: Page, door: PageDoor) -> None:
    await talk(page, door)
    await door.fact("TranscriptRevised", turn_id="t1", revision=0, text="Hello", settled=True)
    await door.fact("ReplyStarted", turn_id="t1", reply_id="r0", draft=True, text="Hello")
    await door.fact("ReplyClauseWritten", turn_id="t1", reply_id="r0", index=0, text="Never to be said.")
    await expect(page.locator(".preparing")).to_be_visible()
    await door.fact("ReplyDiscarded", turn_id="t1", reply_id="r0")
    await expect(page.locator(".preparing")).to_be_hidden()
    await door.fact("ReplyStarted", turn_id="t1", reply_id="r1", draft=True, text="Hello there")
    await door.fact("ReplyClauseWritten", turn_id="t1", reply_id="r1", index=0, text="Hi!")
    await say_turn(door, "Hello there")
    await expect(page.locator(".agent")).to_be_hidden()
    await door.fact("ReplyCommitted", turn_id="t1", reply_id="r1")
    await expect(page.locator(".agent")).to_contain_text("Hi!")
    assert "Never" not in await page.locator("body").inner_text()


@pytest.mark.parametrize(
    ("retracted", "words"), [(False, "began with “Well,”"), (True, "began “Well,” and took it back")]
)
async def test_an_opener_is_shown_as_what_it_is_and_not_as_an_answer(
    page: Page, door: PageDoor, retracted: bool, words: str
) -> None:
    await talk(page, door)
    await door.fact("TranscriptRevised", turn_id="t1", revision=0, text="I had a busy day", settled=True)
    played = {"text": "Well,", "played_samples": 7_000, "sample_rate_hz": RATE_HZ, "retracted": retracted}
    await door.fact("OpenerPlayed", turn_id="t1", reply_id="o", **played)
    await expect(page.locator(".opener")).to_have_text(words)
    await expect(page.locator(".agent")).to_be_hidden()


async def test_an_opener_after_whose_end_the_caller_goes_on_is_shown_as_taken_back(page: Page, door: PageDoor) -> None:
    await talk(page, door)
    played = {"text": "Well,", "played_samples": 7_000, "sample_rate_hz": RATE_HZ}
    await door.fact("OpenerPlayed", turn_id="t1", reply_id="o", **played)
    await expect(page.locator(".opener")).to_have_text("began with “Well,”")
    await door.fact("OpenerRetracted", turn_id="t1", reply_id="o")
    await expect(page.locator(".opener")).to_have_text("began “Well,” and took it back")


async def test_an_opener_that_is_taken_back_falls_silent_and_the_answer_is_heard(page: Page, door: PageDoor) -> None:
    await talk(page, door)
    await door.reply("o", tone(2.0), opener="Well,")
    await until(lambda: any(report["samples"] for report in door.played("o")))
    await door.send(type="stop", reply_id="o")
    await door.reply("r1", tone(0.2))
    await until(lambda: any(report.get("ended") for report in door.played("r1")))
    last = door.played("o")[-1]
    assert last["samples"] < 2 * RATE_HZ
    assert not last.get("ended")


async def test_a_sound_that_was_no_turn_is_told_apart_from_what_was_said(page: Page, door: PageDoor) -> None:
    await talk(page, door)
    await door.fact("TranscriptRevised", turn_id="t2", revision=0, text="mhm")
    await door.fact("InterruptionDismissed", turn_id="t2", reply_id="r1", reason="backchannel", text="mhm")
    await expect(page.locator(".dismissed")).to_contain_text("“mhm”")
    await expect(page.locator(".user")).to_be_hidden()


# -- playing


async def test_a_reply_is_heard_and_its_samples_are_counted_exactly(page: Page, door: PageDoor) -> None:
    await talk(page, door)
    await door.reply("r1", tone(0.5, silence=0.1))
    await holds(page, "daredevil.soundLevel > 0.2 && daredevil.state === 'speaking'")
    await until(lambda: door.played("r1") and door.played("r1")[-1].get("ended"))
    reports = door.played("r1")
    assert [each["samples"] for each in reports if each.get("started")] == [2402], "first audible sample is 2401"
    assert reports[-1] == {"type": "played", "reply_id": "r1", "samples": 14_400, "ended": True}
    between = [each["samples"] for each in reports]
    assert between == sorted(between)
    assert max(after - before for before, after in zip([0, *between], between, strict=False)) <= 2_400 + 128 + 2
    await holds(page, "daredevil.state === 'listening'")


async def test_a_paused_reply_makes_room_for_the_person_and_is_silent(page: Page, door: PageDoor) -> None:
    await talk(page, door)
    await door.reply("r1", tone(20))
    await holds(page, "daredevil.state === 'speaking'")
    await door.send(type="pause", reply_id="r1")
    await holds(page, "daredevil.state === 'hearing' && daredevil.soundLevel < 0.001")
    await door.send(type="resume", reply_id="r1")
    await holds(page, "daredevil.state === 'speaking' && daredevil.soundLevel > 0.2")


async def test_a_stop_that_comes_late_is_answered_with_what_was_played(page: Page, door: PageDoor) -> None:
    await talk(page, door)
    await door.reply("r1", tone(0.1))
    await until(lambda: door.played("r1") and door.played("r1")[-1].get("ended"))
    await door.send(type="stop", reply_id="r1")
    await until(lambda: door.played("r1")[-1] == {"type": "played", "reply_id": "r1", "samples": 2_400})


RENDER = """
async ([output, source, script]) => {
  const { Playback } = await import("./playback.js");
  const said = [];
  const playback = new Playback(output, (message) => said.push(message));
  const peaks = [];
  for (const [what, value] of script) {
    if (what === "samples") playback.append("r", new Int16Array(value).fill(16384));
    else if (what === "stoodStill") playback.stoodStill(value);
    else if (what !== "render") playback[what]("r", source);
    else for (let n = 0; n < value; n++) {
      const out = new Float32Array(128);
      playback.render(out);
      peaks.push(Math.max(...out));
      if (n === value - 1) said.push({ lastOfQuantum: out[127] });
    }
  }
  return { said, peaks };
}
"""


async def render(page: Page, script: list[tuple[str, int]], output: int = RATE_HZ) -> dict[str, Any]:
    """Run a script of messages and render quanta (128 samples) through the player, off the clock."""
    heard: dict[str, Any] = await page.evaluate(RENDER, [output, RATE_HZ, script])
    return heard


async def test_a_pause_takes_less_than_one_render_quantum_and_loses_no_sample(still: Page) -> None:
    script = [("begin", 0), ("samples", 24_000), ("complete", 0), ("render", 10), ("pause", 0), ("render", 1)]
    heard = await render(still, [*script, ("render", 50), ("resume", 0), ("render", 200)])
    paused = next(each for each in heard["said"] if each.get("samples", 0) > 1)
    assert paused["samples"] == 10 * 128 + 96, "a fade of 4 ms"
    assert heard["said"][-2]["ended"] is True
    assert heard["said"][-2]["samples"] == 24_000
    assert max(heard["peaks"][12:60]) == 0, "silent while it is paused"


async def test_a_reply_begins_with_40_ms_or_when_it_is_complete_or_40_ms_after_its_first_sample(still: Page) -> None:
    complete = await render(still, [("begin", 0), ("samples", 100), ("complete", 0), ("render", 1)])
    assert complete["peaks"][0] == 0.5
    enough = await render(still, [("begin", 0), ("samples", 960), ("render", 1)])
    assert enough["peaks"][0] == 0.5
    waiting = await render(still, [("begin", 0), ("samples", 480), ("render", 9)])
    assert waiting["peaks"] == [0] * 8 + [0.5]


async def test_where_the_device_stood_still_is_reported(still: Page) -> None:
    script = [("begin", 0), ("samples", 24_000), ("render", 7), ("stoodStill", 9), ("render", 1)]
    heard = await render(still, script)
    told = [each for each in heard["said"] if each.get("resumed")]
    assert [(each["samples"], each["at_s"]) for each in told] == [(7 * 128, 9)]


async def test_a_gap_in_the_sound_is_waited_out_and_not_counted(still: Page) -> None:
    script = [("begin", 0), ("samples", 1_000), ("render", 40), ("samples", 1_000), ("complete", 0), ("render", 40)]
    heard = await render(still, script)
    assert [each["samples"] for each in heard["said"] if each.get("ended")] == [2_000]
    (stalled,) = (each for each in heard["said"] if each.get("stalled"))
    (resumed,) = (each for each in heard["said"] if each.get("resumed"))
    assert (stalled["samples"], round(stalled["at_s"] * RATE_HZ)) == (1_000, 1_000)
    assert (resumed["samples"], round(resumed["at_s"] * RATE_HZ)) == (1_000, 40 * 128)


@pytest.mark.parametrize("output", [16_000, 44_100, 48_000])
async def test_a_device_of_another_rate_plays_the_same_samples_in_the_same_time(still: Page, output: int) -> None:
    quanta = -(-output // 128)
    heard = await render(still, [("begin", 0), ("samples", RATE_HZ), ("complete", 0), ("render", quanta + 1)], output)
    assert [each["samples"] for each in heard["said"] if each.get("ended")] == [RATE_HZ]
    assert sum(peak >= 0.5 for peak in heard["peaks"]) == quanta


# -- what was heard, and how long it took


async def test_words_light_up_as_they_are_heard_and_an_interruption_leaves_only_those(
    page: Page, door: PageDoor
) -> None:
    await talk(page, door)
    await say_turn(door, "Tell me a story")
    await door.fact("ReplyStarted", turn_id="t1", reply_id="r1", draft=False, text="Tell me a story")
    await write_clause(door, 0, "Once upon a time,", [6_000, 12_000, 600_000, 606_000])
    await write_clause(door, 1, "far away.", [9_000, 18_000])
    await door.fact("PlaybackStarted", turn_id="t1", reply_id="r1", gap_ms=GAP_MS, parts=PARTS)
    await door.reply("r1", tone(26))
    await expect(page.locator(".agent .heard").first).to_have_text("Once")
    assert {"time,", "far"}.isdisjoint(await page.locator(".agent .heard").all_inner_texts())
    await door.fact("PlaybackInterrupted", turn_id="t1", reply_id="r1", heard_text="Once upon", played_samples=9_000)
    await expect(page.locator(".mark")).to_be_visible()
    await expect(page.locator(".agent")).to_have_text("Once upon interrupted")


async def test_the_latency_bar_shows_parts_that_sum_to_the_gap(page: Page, door: PageDoor) -> None:
    await talk(page, door)
    await say_turn(door, "Hello")
    await write_clause(door, 0, "Hi!", [9_000])
    await door.fact("PlaybackStarted", turn_id="t1", reply_id="r1", gap_ms=GAP_MS, parts=PARTS)
    line = page.locator(".latency")
    await expect(line).to_contain_text(f"{GAP_MS:.0f} ms")
    shown = await line.locator(".segment").evaluate_all("all => all.map((each) => Number(each.dataset.ms))")
    widths = await line.locator(".segment").evaluate_all("all => all.map((each) => each.getBoundingClientRect().width)")
    assert shown == list(PARTS.values())
    assert widths.index(max(widths)) == 0
    await expect(page.locator(".legend")).to_contain_text("endpointing")
    await line.click()
    await expect(page.locator(".latency-parts")).to_contain_text("first token")
    await expect(page.locator(".latency-silence")).to_have_count(0)


async def test_the_parts_say_why_the_silence_was_so_long(page: Page, door: PageDoor) -> None:
    await talk(page, door)
    evidence = {"silence_ms": 210, "required_silence_ms": 200, "speech_ended_ns": 1, "text_ready_ns": 1}
    sure = {"patience": "balanced", "reason": "sure", "score": 2.5}
    await say_turn(door, "Hello", evidence=evidence | sure)
    await write_clause(door, 0, "Hi!", [9_000])
    parts = {**PARTS, "endpointing_ms": 210.0}
    await door.fact("PlaybackStarted", turn_id="t1", reply_id="r1", gap_ms=sum(parts.values()), parts=parts)
    await page.locator(".latency").click()
    said = "200 ms of silence were required: the words sound whole (balanced, score 2.50)"
    await expect(page.locator(".latency-silence")).to_have_text(f"Endpointing: {said}")


async def test_an_engine_failure_is_a_notice_and_the_facts_are_listed(page: Page, door: PageDoor) -> None:
    await talk(page, door)
    await door.fact("EngineFailed", actor="transcript", engine="deepgram.STT", error="no answer", action="used local")
    await expect(page.locator(".notice")).to_contain_text("deepgram.STT failed")
    await page.get_by_role("button", name="Facts", exact=True).click()
    row = page.locator("#facts-list li")
    await expect(row).to_contain_text("EngineFailed")
    await row.locator("summary").click()
    await expect(row.locator("pre")).to_contain_text('"action": "used local"')
    await page.keyboard.press("Escape")
    await expect(page.locator("#facts")).to_be_hidden()


async def test_words_of_people_and_models_are_never_markup(page: Page, door: PageDoor) -> None:
    await talk(page, door)
    await say_turn(door, "<img src=x onerror=alert(1)>")
    await expect(page.locator(".user")).to_have_text("<img src=x onerror=alert(1)>")


# -- typing, losing the line, and what can go wrong


async def test_typing_needs_no_microphone(page: Page, door: PageDoor) -> None:
    await page.get_by_role("button", name="Type instead").click()
    await page.keyboard.type("What is the time?")
    await page.keyboard.press("Enter")
    await until(lambda: door.received)
    assert door.hellos[0]["mic"] is False
    (text,) = door.received
    assert (text["type"], text["text"]) == ("text", "What is the time?")
    await door.reply("r1", tone(0.1))
    await until(lambda: door.played("r1") and door.played("r1")[-1].get("ended"))
    assert door.sound_frames == []


async def test_a_lost_line_comes_back_with_the_same_session_and_nothing_twice(page: Page, door: PageDoor) -> None:
    await talk(page, door)
    await say_turn(door, "Hello")
    await expect(page.locator(".user")).to_have_text("Hello")
    await door.drop()
    await until(lambda: door.socket)
    assert door.hellos[-1]["session_id"] == SESSION
    door.sequence = 0  # the door tells the whole session again
    await say_turn(door, "Hello")
    await say_turn(door, "And more", turn_id="t2")
    await expect(page.locator(".user")).to_have_text(["Hello", "And more"])
    await expect(page.locator("#problem")).to_be_hidden()
    await expect(page.locator("#session-id")).to_have_text(SESSION)


async def test_what_was_played_while_the_line_was_down_is_reported_when_it_is_back(page: Page, door: PageDoor) -> None:
    await talk(page, door)
    await door.reply("r1", tone(0.2))
    await until(lambda: door.played("r1"))
    await door.drop()
    await until(lambda: door.played("r1")[-1].get("ended"))
    assert door.played("r1")[-1]["samples"] == 4_800


async def test_a_call_that_is_refused_says_why_and_what_to_do(page: Page, door: PageDoor) -> None:
    door.refuse = {"type": "error", "code": "busy", "message": "200 conversations are open; try again soon."}
    await page.get_by_role("button", name="Talk", exact=True).click()
    await expect(page.get_by_role("alert")).to_contain_text("200 conversations are open")
    door.refuse = None
    await page.get_by_role("button", name="Try again").click()
    await holds(page, "daredevil.state === 'listening'")


@pytest.mark.parametrize(
    ("name", "words"),
    [("NotAllowedError", "is blocked"), ("NotFoundError", "No microphone"), ("NotReadableError", "busy")],
)
async def test_a_microphone_that_does_not_open_is_explained(page: Page, door: PageDoor, name: str, words: str) -> None:
    refuse = "(name) => { navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('no', name)) }"
    await page.evaluate(refuse, name)
    await page.get_by_role("button", name="Talk", exact=True).click()
    await expect(page.get_by_role("alert")).to_contain_text(words)
    await expect(page.get_by_role("alert")).to_contain_text("type instead", ignore_case=True)
    assert door.hellos == []


async def test_hanging_up_ends_the_conversation_and_lets_the_microphone_go(page: Page, door: PageDoor) -> None:
    await talk(page, door)
    await page.get_by_role("button", name="Hang up").click()
    await holds(page, "daredevil.state === 'ended'")
    await until(lambda: {"type": "hangup"} in door.received)
    assert door.received[-1] == {"type": "hangup"}
    await expect(page.get_by_role("button", name="Talk", exact=True)).to_be_enabled()
    assert len(door.hellos) == 1, "it does not come back by itself"


async def test_hanging_up_over_a_reply_tells_first_how_much_of_it_was_heard(page: Page, door: PageDoor) -> None:
    since_last = 0
    for reply_id in ("r1", "r2", "r3"):
        since_last = await samples_told_at_hang_up(page, door, reply_id)
        if since_last != 2_400:  # a count that is due may come at the very moment of the stop, but not each time
            break
    assert 0 < since_last < 2_400, "the count at the stop, not the next one that was due"


async def samples_told_at_hang_up(page: Page, door: PageDoor, reply_id: str) -> int:
    """Hang up over a reply; return how much more of it was told to be heard than in the count before."""
    await talk(page, door)
    await door.reply(reply_id, tone(30))
    await until(lambda: len(door.played(reply_id)) > 1)
    await page.get_by_role("button", name="Hang up").click()
    await until(lambda: door.received[-1]["type"] == "hangup")
    *_, before, last, _ = door.received
    assert before["reply_id"] == last["reply_id"] == reply_id
    return int(last["samples"] - before["samples"])


async def test_talking_in_a_typed_conversation_joins_it_with_the_microphone(page: Page, door: PageDoor) -> None:
    await page.get_by_role("button", name="Type instead").click()
    await page.keyboard.type("Hello")
    await page.keyboard.press("Enter")
    await until(lambda: door.received)
    await page.get_by_role("button", name="Talk", exact=True).click()
    await until(lambda: door.sound_frames)
    assert [(hello["mic"], hello.get("session_id")) for hello in door.hellos] == [(False, None), (True, SESSION)]


async def test_the_call_works_by_keyboard_and_focus_is_never_lost(page: Page, door: PageDoor) -> None:
    await page.get_by_role("button", name="Talk", exact=True).focus()
    await page.keyboard.press("Enter")
    await holds(page, "daredevil.state === 'listening'")
    assert await page.evaluate("document.activeElement.id") == "mute"
    await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")
    await holds(page, "daredevil.state === 'ended'")
    assert await page.evaluate("document.activeElement.id") == "talk"


async def test_a_phone_shows_everything_without_scrolling_sideways(page: Page, door: PageDoor) -> None:
    await page.set_viewport_size({"width": 360, "height": 740})
    sideways = "document.documentElement.scrollWidth > innerWidth || document.body.scrollWidth > innerWidth"
    assert not await page.evaluate(sideways)
    await talk(page, door)
    await say_turn(door, "A-word-without-end-" * 20)
    await write_clause(door, 0, "Donaudampfschifffahrtsgesellschaft" * 3, [9_000])
    await door.fact("PlaybackStarted", turn_id="t1", reply_id="r1", gap_ms=GAP_MS, parts=PARTS)
    await expect(page.locator(".latency")).to_be_visible()
    assert not await page.evaluate(sideways)
    assert await page.evaluate(
        "scroll => scroll.scrollWidth <= scroll.clientWidth", await page.query_selector("#scroll")
    )
    for button in ("Mute", "Hang up"):
        await expect(page.get_by_role("button", name=button)).to_be_in_viewport()
    await expect(page.get_by_role("textbox", name="Type to the agent")).to_be_in_viewport()
