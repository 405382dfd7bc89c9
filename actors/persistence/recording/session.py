"""The recording of one session: takes it up where its chunks end, writes it some seconds behind, completes it."""

import asyncio
import contextlib
import logging
import time
from concurrent.futures import Executor

from faststream.nats import NatsBroker
from nats.errors import Error as NatsError

from actors.persistence.recording.captured_sound import CapturedSound
from actors.persistence.recording.timeline import Timeline
from contracts import events as e
from contracts.answers import answer
from contracts.audio import BadAudio, unpack_in, unpack_out
from contracts.ids import derive_id
from contracts.topology import audio_out_subject, recording_subject
from infra.log.connection import connection
from infra.log.event_log import LogUnavailable, StaleWriter, append, facts_after, now_ns
from infra.session.opus import LOOK_AHEAD_SAMPLES, PACKET_SAMPLES, RATE_HZ, WARM_UP_PACKETS, encode, packets_up_to
from infra.session.recordings import Chunk, StoredChunk, duration_ms, last_chunk, store

log = logging.getLogger(__name__)

CHUNK_PACKETS = 250
LAG_S = 3.0
"""How far behind a chunk is written: by then its frames and the facts of its playback have come."""

DOUBT_S = 25.0
"""How much further behind while it is doubtful what was heard: until the door has given a lost client up."""

TICK_S, MOST_TICK_S, IDLE_TICK_S = 2.5, 5.0, 60.0
ANSWER_S = 1.2
"""After speech the processor belongs to the answer for this long."""

AFTER_OUTAGE_S = 4.0
"""What the doors kept while NATS was away is given this long to come."""

MOST_UNWRITTEN_BYTES = 4_000_000
"""A minute of a call that is held while nothing can be stored; then its sound is left to the audio stream."""

AGAIN_S, LEFT_AGAIN_S = 1.0, 5.0
"""How long after a failure it is tried again; the second where what was held was dropped and is read once more."""

ABANDONED_S = 1800.0
"""A session that is never closed is taken as over after this long without a sound or a fact."""

STALE_REST_S = 15.0
FRESH_S = 10.0
"""How long after a microphone's last frame the door's clock is taken as known."""
_MARGIN_NS = 3_000_000_000


class SessionRecorder:
    """Records one session: `await SessionRecorder(…).run()`. `wake()` lets it look at once."""

    def __init__(
        self, broker: NatsBroker, opened: e.SessionOpened, encoding: Executor, at_once: asyncio.Semaphore
    ) -> None:
        """`at_once` is acquired for each step: who waits for the encoder leaves its sound in the audio stream."""
        self._broker = broker
        self._opened = opened
        self._encoding = encoding
        self._at_once = at_once
        self._woken = asyncio.Event()
        self._hurried = False
        self.flushed = asyncio.Event()
        """Set when all that is known is stored, after `hurry()`."""

    def wake(self) -> None:
        """Look now: something happened in the session."""
        self._woken.set()

    def hurry(self) -> None:
        """Store what there is: this process ends."""
        self._hurried = True
        self._woken.set()

    async def run(self) -> None:
        """Record until the session is over. While NATS is away it waits, and goes on."""
        writer: _Writer | None = None
        try:
            while True:
                try:
                    async with self._at_once:
                        if writer is None:
                            writer = await _taken_up(self._broker, self._opened, self._encoding)
                        hurried = self._hurried
                        if await writer.step(hurried):
                            return
                    patience_s = writer.patience_s()
                    if hurried:
                        self.flushed.set()
                        patience_s = IDLE_TICK_S
                except StaleWriter as error:
                    log.warning("%s", error)
                    writer, patience_s = None, STALE_REST_S
                except (LogUnavailable, NatsError, TimeoutError, OSError) as error:
                    log.warning("recording of %s: %r; trying again", self._opened.session_id, error)
                    patience_s = AGAIN_S
                    if writer is not None and writer.unwritten_bytes >= MOST_UNWRITTEN_BYTES:
                        writer, patience_s = None, LEFT_AGAIN_S
                await self._wait(patience_s)
        finally:
            self.flushed.set()

    async def _wait(self, patience_s: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(patience_s):
                await self._woken.wait()
        self._woken.clear()


async def _taken_up(broker: NatsBroker, opened: e.SessionOpened, encoding: Executor) -> "_Writer":
    facts = await facts_after(broker, opened.session_id, patience_s=5)
    last = await last_chunk(connection(broker), opened.session_id)
    timeline = Timeline(opened)
    if last is not None:
        timeline.resume(last.chunk.end_packet * PACKET_SAMPLES, last.chunk.track_samples)
    for fact in facts:
        timeline.apply(fact.event)
    return _Writer(broker, timeline, encoding, last, facts[-1].sequence if facts else 0)


class _Writer:
    """Writes a session's chunks, from behind the last one that is stored."""

    def __init__(
        self, broker: NatsBroker, timeline: Timeline, encoding: Executor, last: StoredChunk | None, sequence: int
    ) -> None:
        self._broker = broker
        self._nc = connection(broker)
        self._session_id = timeline.opened.session_id
        self._timeline = timeline
        self._encoding = encoding
        self._last = last
        self._packet = last.chunk.end_packet if last is not None else 0
        self._sequence = sequence
        needed_ns = timeline.needed_since_ns(self._packet * PACKET_SAMPLES) - _MARGIN_NS
        self._sound = CapturedSound(self._nc, self._session_id, max(needed_ns, timeline.start_ns - _MARGIN_NS))
        self._reconnects = self._nc.stats["reconnects"]
        self._not_before_s = 0.0
        self._waits_s = 0.0
        self._active_ns = timeline.start_ns
        self.unwritten_bytes = 0
        """How much sound was read since all that was due was written."""
        self._ahead_ns: int | None = None
        """By how much the session's time is ahead of this process's, by the frame that came quickest."""
        self._fresh_s = 0.0
        self._idle_ticks = 0

    async def step(self, hurried: bool) -> bool:
        """Read what came and write what is due; return True when the recording is complete, or there is none to be."""
        timeline = self._timeline
        if timeline.stored or timeline.erased:
            return True
        begun_s = time.monotonic()
        has_facts = await self._read_facts()
        if timeline.erased or timeline.stored:
            return True
        self._waits_s = 0.0 if hurried else self._unsettled_s(timeline.closed is not None)
        if self._waits_s > 0:
            return False
        has_sound = await self._read_sound()
        self._idle_ticks = 0 if has_facts or has_sound else self._idle_ticks + 1
        # Of what happened while the sound was read, the facts are not known.
        now = self._now_ns() - int((time.monotonic() - begun_s) * 1e9)
        over = timeline.closed is not None or now - self._active_ns > ABANDONED_S * 1e9
        timeline.place(now, all_of_it=over or hurried)
        await self._write(self._limit(now, over, hurried), part=over or hurried, over=over)
        self.unwritten_bytes = 0
        if over:
            await self._complete()
        return over

    def patience_s(self) -> float:
        """Return how long nothing has to be done."""
        if self._waits_s > 0:
            return self._waits_s
        if self._idle_ticks:
            return float(min(TICK_S * 2 ** min(self._idle_ticks, 9), IDLE_TICK_S))
        due_s = (self._packet + CHUNK_PACKETS) * PACKET_SAMPLES / RATE_HZ + LAG_S
        return min(max(due_s - (self._now_ns() - self._timeline.start_ns) / 1e9, ANSWER_S / 2), MOST_TICK_S)

    def _now_ns(self) -> int:
        """Return the time in the session's own terms, which are its door's: machines' clocks may be hours apart."""
        now = now_ns()
        if self._ahead_ns is None:
            return now
        is_fresh = time.monotonic() - self._fresh_s < FRESH_S
        return now + (self._ahead_ns if is_fresh else max(0, self._ahead_ns))

    # -- what came

    async def _read_facts(self) -> bool:
        """Return whether there were any."""
        facts = await facts_after(self._broker, self._session_id, self._sequence, patience_s=5)
        for fact in facts:
            self._sequence = fact.sequence
            self._timeline.apply(fact.event)
            self._active_ns = max(self._active_ns, fact.event.time_ns)
        return bool(facts)

    async def _read_sound(self) -> bool:
        """Return whether there was any."""
        has_sound = False
        while True:
            frames = await self._sound.read()
            self.unwritten_bytes += sum(len(data) for _, data in frames)
            self._take(frames)
            has_sound = has_sound or bool(frames)
            if not self._sound.has_more:
                return has_sound

    def _take(self, frames: list[tuple[str, bytes]]) -> None:
        agent, newest_ns = audio_out_subject(self._session_id), 0
        for subject, data in frames:
            try:
                if subject == agent:
                    self._timeline.add_out(unpack_out(data))
                else:
                    frame = unpack_in(data)
                    self._timeline.add_in(frame)
                    self._active_ns = max(self._active_ns, frame.received_ns)
                    newest_ns = max(newest_ns, frame.received_ns)
            except BadAudio as error:
                log.debug("%s: a frame that is none: %s", self._session_id, error)
        if newest_ns:
            ahead_ns = newest_ns - now_ns()
            self._ahead_ns = ahead_ns if self._ahead_ns is None else max(ahead_ns, self._ahead_ns)
            self._fresh_s = time.monotonic()

    def _unsettled_s(self, over: bool) -> float:
        """Return how long to wait for a good moment to write; 0 is now."""
        if self._nc.stats["reconnects"] != self._reconnects:
            self._reconnects = self._nc.stats["reconnects"]
            self._not_before_s = time.monotonic() + AFTER_OUTAGE_S
        waits_s = self._not_before_s - time.monotonic()
        if not over:
            waits_s = max(waits_s, ANSWER_S - (self._now_ns() - self._timeline.speech_ended_ns) / 1e9)
        return waits_s

    def _limit(self, now: int, over: bool, hurried: bool) -> int:
        """Return up to which packet may be written."""
        timeline = self._timeline
        if over:
            ended = timeline.heard_end() if timeline.closed is None else timeline.at(timeline.closed.time_ns)
            return packets_up_to(max(ended, timeline.people_end()))
        if hurried:
            return timeline.at(now) // PACKET_SAMPLES
        limit = timeline.at(now) - int(LAG_S * RATE_HZ)
        doubtful = timeline.doubtful_from()
        if doubtful is not None:
            limit = min(limit, max(doubtful, timeline.at(now) - int(DOUBT_S * RATE_HZ)))
        return limit // PACKET_SAMPLES

    # -- what is written

    async def _write(self, limit: int, part: bool, over: bool) -> None:
        """Write chunks up to packet `limit`; a `part` of one only at an end."""
        loop = asyncio.get_running_loop()
        while self._packet < limit:
            sound = self._timeline.next_sound(self._packet * PACKET_SAMPLES - LOOK_AHEAD_SAMPLES)
            first = limit if sound is None else (sound + LOOK_AHEAD_SAMPLES) // PACKET_SAMPLES
            self._packet = min(limit, max(self._packet, first))
            end = min(limit, self._packet + CHUNK_PACKETS)
            if end == self._packet or (end < self._packet + CHUNK_PACKETS and not part):
                break
            packets = await loop.run_in_executor(self._encoding, _packets_of, self._timeline, self._packet, end)
            if packets:
                await self._store(packets, last=over and end == limit)
            self._packet = end
            self._forget_written()
        self._forget_written()

    def _forget_written(self) -> None:
        self._timeline.forget((self._packet - 2 * WARM_UP_PACKETS) * PACKET_SAMPLES)

    async def _store(self, packets: list[bytes], last: bool) -> None:
        before = self._last.chunk if self._last is not None else None
        chunk = Chunk(
            index=before.index + 1 if before is not None else 0,
            start_ns=self._timeline.start_ns,
            first_packet=self._packet,
            packets=tuple(packets),
            track_samples=self._timeline.track_samples,
            stored_bytes=(before.stored_bytes if before is not None else 0) + sum(map(len, packets)),
            last=last,
        )
        after = self._last.sequence if self._last is not None else 0
        self._last = StoredChunk(await store(self._nc, self._session_id, chunk, after), chunk)

    async def _complete(self) -> None:
        """Say that the recording is complete, if there is one."""
        if self._last is None:
            return
        opened, closed = self._timeline.opened, self._timeline.closed
        if not self._last.chunk.last:
            if closed is None:  # nobody knows when it ended: it ends with its last sound
                self._packet = self._last.chunk.end_packet
            await self._store([], last=True)
        chunk = self._last.chunk
        event = answer(
            closed or opened,
            e.RecordingStored,
            time_ns=now_ns(),
            id_from=opened.event_id,
            recording_id=derive_id(opened.event_id, "recording"),
            codec="opus",
            sample_rate_hz=RATE_HZ,
            duration_ms=duration_ms(chunk.end_packet),
            size_bytes=chunk.stored_bytes,
            location=recording_subject(self._session_id),
            start_ns=chunk.start_ns,
            chunks=chunk.index + 1,
            missing_ms=self._timeline.missing_ms,
        )
        if event.missing_ms:
            log.warning("%s: NATS had dropped %.0f ms before they were recorded", self._session_id, event.missing_ms)
        await append(self._broker, event, patience_s=5)


def _packets_of(timeline: Timeline, first: int, end: int) -> list[bytes]:
    """Return the packets `[first, end)`, or none if all of it is silence."""
    samples = timeline.piece((first - WARM_UP_PACKETS) * PACKET_SAMPLES, end * PACKET_SAMPLES)
    if not samples[WARM_UP_PACKETS * PACKET_SAMPLES - LOOK_AHEAD_SAMPLES :].any():
        return []
    return encode(samples)
