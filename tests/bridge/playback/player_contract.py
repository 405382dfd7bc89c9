"""What every player of replies must do: the page's, the room's, and the simulated caller's ear inherit these tests.

A player takes what a call tells its line (`bridge.call.line.ReplyPlayer`) and tells back how much was played. Here each
is given sound in which every sample has another value, so that what comes out of it tells which samples were heard.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bridge.playback.reply import ReplyPlayback
from bridge.playback.reports import Played
from contracts.audio import OutFrame

RATE_HZ = 24_000
REPLY = 12_000
"""Samples of a whole reply: half a second."""
EDGE = RATE_HZ // 100
"""Samples at the edge of a pause that may be faded: 10 ms."""
_LOWEST = 2_000
"""Value of sample 0; each that follows is one higher. All are loud enough to be heard."""
_LEAST_RUN = 48


def ramp(first: int, end: int) -> bytes:
    """Return the samples `[first, end)` of a sound in which each has a value of its own."""
    return (np.arange(first, end) + _LOWEST).astype("<i2").tobytes()


def silence(samples: int) -> bytes:
    return bytes(2 * samples)


def spans_in(heard: NDArray[np.int64]) -> list[tuple[int, int]]:
    """Return which samples of the ramp were heard, as spans `[first, end)` in the order of being heard."""
    breaks = np.flatnonzero(np.diff(heard) != 1) + 1
    runs = (run for run in np.split(heard, breaks) if len(run) >= _LEAST_RUN)
    spans: list[tuple[int, int]] = []
    for run in runs:
        first, end = int(run[0]) - _LOWEST, int(run[-1]) - _LOWEST + 1
        if spans and spans[-1][1] == first:
            spans[-1] = (spans[-1][0], end)
        else:
            spans.append((first, end))
    return spans


def assert_heard_in_order(spans: list[tuple[int, int]], first: int, end: int) -> None:
    """Every sample was heard once and in its place, but for what a fade hides at the edge of a break."""
    reached = first
    for span_first, span_end in spans:
        assert reached <= span_first <= reached + EDGE, spans
        reached = span_end
    assert end - EDGE <= reached <= end, spans


class PlayerUnderTest(ABC):
    """A player, with ears."""

    @property
    @abstractmethod
    def told(self) -> list[Played]:
        """What it told back, in order."""

    @abstractmethod
    async def tell(self, message: dict[str, Any]) -> None:
        """Give it a message of the call."""

    @abstractmethod
    async def sound(self, pcm: bytes) -> None:
        """Give it sound of the reply that was announced last."""

    @abstractmethod
    async def until(self, condition: Callable[[], object]) -> None:
        """Let time pass until the condition holds. Raises an error if it does not within some seconds."""

    @abstractmethod
    async def heard(self) -> NDArray[np.int64]:
        """Return the values of all samples that came out of it so far."""

    # -- in the words of the protocol

    async def begin(self, reply_id: str, **fields: Any) -> None:
        names = {"type": "reply", "reply_id": reply_id, "turn_id": "t", "sample_rate_hz": RATE_HZ}
        await self.tell(names | fields)

    async def complete(self, reply_id: str, samples: int) -> None:
        await self.tell({"type": "reply_end", "reply_id": reply_id, "samples": samples})

    async def say(self, reply_id: str, pcm: bytes) -> None:
        """Give it a whole reply."""
        await self.begin(reply_id)
        await self.sound(pcm)
        await self.complete(reply_id, len(pcm) // 2)

    async def pause(self, reply_id: str) -> None:
        """Tell it to pause, and wait for its answer: a count that is told after it."""
        await self._answer(reply_id, "pause")

    async def stop(self, reply_id: str) -> None:
        await self._answer(reply_id, "stop")

    async def resume(self, reply_id: str) -> None:
        await self.tell({"type": "resume", "reply_id": reply_id})

    async def _answer(self, reply_id: str, kind: str) -> None:
        before = len(self.of(reply_id))
        await self.tell({"type": kind, "reply_id": reply_id})
        await self.until(lambda: len(self.of(reply_id)) > before)

    # -- what it told

    def of(self, reply_id: str) -> list[Played]:
        return [report for report in self.told if report.reply_id == reply_id]

    def counts(self, reply_id: str) -> list[int]:
        return [report.samples for report in self.of(reply_id)]

    async def until_played(self, reply_id: str, samples: int) -> None:
        await self.until(lambda: any(count >= samples for count in self.counts(reply_id)))

    async def until_over(self, reply_id: str) -> None:
        await self.until(lambda: any(report.ended for report in self.of(reply_id)))

    def assert_counted(self, reply_id: str, sent: int) -> None:
        """Counts never go back, and never beyond what was sent."""
        counts = self.counts(reply_id)
        assert counts == sorted(counts)
        assert counts[-1] <= sent


class PlayerContract:
    """The script. A subclass gives the fixture `player`, a `PlayerUnderTest`."""

    async def test_a_reply_is_heard_whole_and_counted_to_its_last_sample(self, player: PlayerUnderTest) -> None:
        await player.say("r-1", ramp(0, REPLY))
        await player.until_over("r-1")
        player.assert_counted("r-1", REPLY)
        last = player.of("r-1")[-1]
        assert (last.samples, last.ended, last.stalled) == (REPLY, True, False)
        assert spans_in(await player.heard()) == [(0, REPLY)]

    async def test_that_it_began_is_told_once_with_the_first_sample_that_is_not_silent(
        self, player: PlayerUnderTest
    ) -> None:
        await player.say("r-1", silence(2_400) + ramp(2_400, REPLY))
        await player.until_over("r-1")
        (started,) = [report.samples for report in player.of("r-1") if report.started]
        assert started >= 2_400
        assert [count for count in player.counts("r-1") if 2_400 < count < started] == []

    async def test_a_reply_without_sound_is_over_at_once(self, player: PlayerUnderTest) -> None:
        await player.say("r-1", b"")
        await player.until_over("r-1")
        assert player.counts("r-1")[-1] == 0

    async def test_after_a_pause_it_goes_on_with_the_very_next_sample(self, player: PlayerUnderTest) -> None:
        await player.begin("r-1")
        await player.sound(ramp(0, REPLY // 2))
        await player.until_played("r-1", 1)
        await player.pause("r-1")
        await player.sound(ramp(REPLY // 2, REPLY))
        await player.complete("r-1", REPLY)
        assert player.counts("r-1")[-1] <= REPLY // 2
        await player.resume("r-1")
        await player.until_over("r-1")
        player.assert_counted("r-1", REPLY)
        assert player.counts("r-1")[-1] == REPLY
        assert_heard_in_order(spans_in(await player.heard()), 0, REPLY)

    async def test_paused_before_its_sound_comes_it_plays_nothing_until_it_is_resumed(
        self, player: PlayerUnderTest
    ) -> None:
        await player.begin("r-1")
        await player.pause("r-1")
        await player.sound(ramp(0, REPLY))
        await player.complete("r-1", REPLY)
        assert set(player.counts("r-1")) == {0}
        await player.resume("r-1")
        await player.until_over("r-1")
        assert spans_in(await player.heard()) == [(0, REPLY)]

    async def test_after_a_stop_nothing_more_is_counted_and_the_next_reply_is_heard(
        self, player: PlayerUnderTest
    ) -> None:
        await player.begin("r-1")
        await player.sound(ramp(0, REPLY // 2))
        await player.until_played("r-1", 1)
        await player.stop("r-1")
        await player.sound(ramp(REPLY // 2, REPLY))  # was on its way
        await player.say("r-2", ramp(REPLY, 2 * REPLY))
        await player.until_over("r-2")
        player.assert_counted("r-1", REPLY // 2)
        assert not any(report.ended for report in player.of("r-1"))
        assert [report.reply_id for report in player.told[-len(player.of("r-2")) :]] == ["r-2"] * len(player.of("r-2"))
        *stopped, following = spans_in(await player.heard())
        assert all(end <= REPLY // 2 for _, end in stopped)
        assert following == (REPLY, 2 * REPLY)

    async def test_stopped_while_it_is_paused_it_tells_the_same_count(self, player: PlayerUnderTest) -> None:
        await player.begin("r-1")
        await player.sound(ramp(0, REPLY))
        await player.until_played("r-1", 1)
        await player.pause("r-1")
        await player.stop("r-1")
        await player.say("r-2", b"")
        await player.until_over("r-2")  # and so every count of the first has come
        *_, at_pause, at_stop = player.counts("r-1")
        assert at_pause == at_stop

    async def test_two_replies_after_each_other_are_heard_and_counted_each_for_itself(
        self, player: PlayerUnderTest
    ) -> None:
        for reply_id, first in (("r-1", 0), ("r-2", REPLY // 2)):
            await player.say(reply_id, ramp(first, first + REPLY // 2))
            await player.until_over(reply_id)
            player.assert_counted(reply_id, REPLY // 2)
            assert player.counts(reply_id)[-1] == REPLY // 2
        assert_heard_in_order(spans_in(await player.heard()), 0, REPLY)

    async def test_sound_that_comes_late_is_waited_for_in_silence_which_is_not_counted(
        self, player: PlayerUnderTest
    ) -> None:
        await player.begin("r-1")
        await player.sound(ramp(0, 4_800))
        await player.until(lambda: any(report.stalled for report in player.of("r-1")))
        assert player.counts("r-1")[-1] == 4_800
        await player.sound(ramp(4_800, REPLY))
        await player.complete("r-1", REPLY)
        await player.until_over("r-1")
        assert {report.samples for report in player.of("r-1") if report.resumed} <= {4_800}
        player.assert_counted("r-1", REPLY)
        assert_heard_in_order(spans_in(await player.heard()), 0, REPLY)

    async def test_sound_that_was_lost_and_given_up_is_left_out_and_not_counted(self, player: PlayerUnderTest) -> None:
        sent = sent_without(4_800, 7_200)
        await player.say("r-1", sent)
        await player.until_over("r-1")
        assert player.counts("r-1")[-1] == len(sent) // 2 == REPLY - 2_400
        assert spans_in(await player.heard()) == [(0, 4_800), (7_200, REPLY)]

    async def test_a_reply_that_another_door_began_is_counted_from_its_own_start(self, player: PlayerUnderTest) -> None:
        await player.begin("r-1", first_sample=4_800)
        await player.sound(ramp(4_800, REPLY))
        await player.complete("r-1", REPLY)
        await player.until_over("r-1")
        player.assert_counted("r-1", REPLY)
        assert player.counts("r-1")[0] >= 4_800
        assert player.counts("r-1")[-1] == REPLY
        assert spans_in(await player.heard()) == [(4_800, REPLY)]

    async def test_an_opener_is_heard_and_counted_like_a_reply_and_the_answer_follows_it(
        self, player: PlayerUnderTest
    ) -> None:
        await player.begin("o-1", opener="Well,")
        await player.sound(ramp(0, REPLY // 2))
        await player.complete("o-1", REPLY // 2)
        await player.until_over("o-1")
        await player.say("r-1", ramp(REPLY // 2, REPLY))
        await player.until_over("r-1")
        for name in ("o-1", "r-1"):
            player.assert_counted(name, REPLY // 2)
            assert player.counts(name)[-1] == REPLY // 2
            assert len([report for report in player.of(name) if report.started]) == 1
        assert_heard_in_order(spans_in(await player.heard()), 0, REPLY)

    async def test_an_opener_that_is_taken_back_is_silent_and_the_answer_is_heard(
        self, player: PlayerUnderTest
    ) -> None:
        await player.begin("o-1", opener="Well,")
        await player.sound(ramp(0, REPLY))
        await player.until_played("o-1", 1)
        await player.stop("o-1")
        at_stop = player.counts("o-1")[-1]
        await player.say("r-1", ramp(REPLY, 2 * REPLY))
        await player.until_over("r-1")
        assert player.counts("o-1")[-1] == at_stop < REPLY
        *_, answer = spans_in(await player.heard())
        assert answer == (REPLY, 2 * REPLY)


def sent_without(first_lost: int, end_lost: int) -> bytes:
    """Return what a door sends of two clauses of which the first lost its end, once that was asked for in vain."""
    reply = ReplyPlayback("r-1")
    reply.add(OutFrame("r-1", 0, 0, RATE_HZ, ramp(0, first_lost), False, ()), 1)
    reply.add(OutFrame("r-1", 1, 0, RATE_HZ, ramp(end_lost, REPLY), True, ()), 1)
    reply.clauses[0].skip()
    return b"".join(reply.take())
