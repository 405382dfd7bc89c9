"""An actor runs again over its tape: what it appends and asks is compared with the record."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts import events as e
from contracts.answers import answer
from contracts.topology import session_subjects
from infra.log.event_log import Fact, LogUnavailable, StaleWriter
from infra.log.handlers import EventHandlers
from infra.process.tasks import ended
from infra.replay.actors import HandlersReplayed, Replayed, ReplayedActor, Seat
from infra.replay.compare import field_differences
from infra.replay.recorded_log import FactDifference
from infra.replay.schedule import Outcome, TapedStretch, run_stretch
from infra.tape.deliveries import ANSWER, ASKED, Delivery, digest_of
from infra.tape.recorded import RequestDifference

SESSION, COPY = "s1", "toy-1"
MS = 1_000_000


class Toy:
    """Answers each turn in two clauses: what it is told by an engine, and what it counts in the log."""

    def __init__(self, seat: Seat, changed: str = "") -> None:
        self._seat = seat
        self._changed = changed

    async def turn_ended(self, turn: e.TurnEnded) -> None:
        tape = self._seat.tapes.of(turn.session_id)
        question = turn.text.upper() if "request" in self._changed else turn.text
        said = await tape.result("engine", turn.event_id, {"text": question, "n": 1}, self._never)
        for place, text in enumerate(await self._clauses(turn, said)):
            await self._append(turn, place, text)

    async def _clauses(self, turn: e.TurnEnded, said: str) -> list[str]:
        facts = await self._seat.log.facts_after(turn.session_id)
        clauses = [said, f"{len(facts)} facts"]
        if "text" in self._changed:
            clauses[0] = f"{said}!"
        elif self._changed == "more":
            clauses.append("and more")
        elif self._changed == "less":
            clauses.pop()
        return clauses

    async def _append(self, turn: e.TurnEnded, place: int, text: str) -> None:
        clause = answer(
            turn, e.ReplyClauseWritten, time_ns=1, id_name=text, id_n=place, reply_id="r1", index=place, text=text
        )
        stored = await self._seat.log.append(clause)
        assert isinstance(stored.event, e.ReplyClauseWritten)
        assert stored.event.time_ns != 1, "the recorded fact is what an append returns"

    @staticmethod
    async def _never() -> str:
        raise AssertionError("an engine was asked in a replay")


class Twice(Toy):
    """Reads the log again if it cannot be read."""

    async def _clauses(self, turn: e.TurnEnded, said: str) -> list[str]:
        try:
            return await super()._clauses(turn, said)
        except LogUnavailable:
            return await super()._clauses(turn, said)


class ToyReplayed:
    def __init__(self, toy: Toy, seat: Seat) -> None:
        self._toy = toy
        self._seat = seat

    def deliver(self, delivery: Delivery) -> Any:
        fact = self._seat.fact(delivery.payload)
        assert fact is not None
        assert isinstance(fact.event, e.TurnEnded)
        return self._toy.turn_ended(fact.event)


def built(changed: str = "", toy_class: type[Toy] = Toy) -> ReplayedActor:
    @asynccontextmanager
    async def build(seat: Seat) -> AsyncIterator[Replayed]:
        yield ToyReplayed(toy_class(seat, changed), seat)

    return ReplayedActor(build)


def toys(toy_class: type[Toy]) -> ReplayedActor:
    """Return the toy with its handler called as an inbox does."""

    @asynccontextmanager
    async def build(seat: Seat) -> AsyncIterator[Replayed]:
        handlers = EventHandlers[Any]("toys", (e.TurnEnded,))
        handlers.on(e.TurnEnded)(toy_class(seat).turn_ended)
        yield HandlersReplayed(seat, handlers)

    return ReplayedActor(build)


TURN = e.TurnEnded(
    event_id="t1", session_id=SESSION, time_ns=5, turn_id="turn-1", participant_id="sam", text="hello", utterance_ids=()
)


def clause(place: int, text: str, basis: int = 0) -> e.ReplyClauseWritten:
    made = answer(
        TURN, e.ReplyClauseWritten, time_ns=9, id_name=text, id_n=place, reply_id="r1", index=place, text=text
    )
    return made.model_copy(update={"appended_by": COPY, "basis": basis})


FACTS = [Fact(3, TURN), Fact(5, clause(0, "hi", 4)), Fact(7, clause(1, "2 facts", 5))]

DELIVERIES = (
    Delivery(0, "handled", 3),
    Delivery(1 * MS, ASKED, [0, "engine", "t1", digest_of({"text": "hello", "n": 1})]),
    Delivery(20 * MS, ANSWER, [0, "hi"]),
    Delivery(22 * MS, "read", 4),
    Delivery(24 * MS, "appended", 5),
    Delivery(26 * MS, "appended", 7),
)
COUNTED = [*FACTS[:1], Fact(4, TURN.model_copy(update={"event_id": "t0"})), *FACTS[1:]]


def stretch_of(deliveries: tuple[Delivery, ...], **fields: Any) -> TapedStretch:
    """Return a stretch whose reads do not say which they are, unless it is of the present version."""
    return TapedStretch("toy", COPY, deliveries, **{"version": 2, **fields})


def outcome(changed: str = "", deliveries: tuple[Delivery, ...] = DELIVERIES, **stretch: Any) -> Outcome:
    return run_stretch(stretch_of(deliveries, **stretch), SESSION, COUNTED, built(changed))


def test_the_same_code_appends_the_same_facts() -> None:
    came = outcome()
    assert came.differences == []
    assert came.same == {5, 7}
    assert came.errors == []


def test_another_text_is_a_difference_of_that_fact_and_the_replay_goes_on_with_the_record() -> None:
    [difference] = outcome("text").differences
    assert isinstance(difference.what, FactDifference)
    assert difference.what.change == "differs"
    assert difference.what.then == FACTS[1]
    assert [(each.path, each.then, each.now) for each in difference.what.fields] == [("text", "hi", "hi!")]
    assert difference.inputs[-1].kind == "read"


def test_a_fact_too_many_is_a_difference_with_what_was_appended() -> None:
    [difference] = outcome("more").differences
    assert isinstance(difference.what, FactDifference)
    assert difference.what.change == "not appended then"
    assert isinstance(difference.what.now, e.ReplyClauseWritten)
    assert difference.what.now.text == "and more"


def test_a_fact_that_is_not_appended_is_a_difference_where_it_was_stored() -> None:
    [difference] = outcome("less").differences
    assert isinstance(difference.what, FactDifference)
    assert (difference.what.change, difference.what.then) == ("not appended now", FACTS[2])
    assert difference.at == 6


def test_a_request_with_another_content_is_a_difference_and_names_the_part() -> None:
    [difference] = outcome("request").differences
    assert isinstance(difference.what, RequestDifference)
    assert (difference.what.change, difference.what.parts) == ("asked otherwise", ("text",))


def test_a_cut_stretch_does_not_judge_what_began_at_its_end() -> None:
    came = outcome("more", DELIVERIES[:5], is_cut=True)
    assert came.differences == []
    assert came.same == {5, 7}  # the second was being appended when the tape ended, and the log has it
    came = outcome("", DELIVERIES[:3], is_cut=True)
    assert came.differences == []
    assert [fact.sequence for fact in came.unverified] == [5, 7]


class Chatty(Toy):
    """Appends a clause more beside the others."""

    async def _clauses(self, turn: e.TurnEnded, said: str) -> list[str]:
        self._more = asyncio.create_task(self._append(turn, 7, "and more"))
        return await super()._clauses(turn, said)


def test_a_cut_stretch_does_not_judge_appends_that_may_have_waited_on_a_slow_log_when_it_ended() -> None:
    asked = Delivery(900 * MS, ASKED, [1, "engine", "t0", digest_of({"text": "hello", "n": 1})])
    cut = stretch_of((*DELIVERIES, Delivery(500 * MS, "handled", 4), asked), is_cut=True)
    assert run_stretch(cut, SESSION, COUNTED, built("more")).differences == []
    [difference] = run_stretch(cut, SESSION, COUNTED, built(toy_class=Chatty)).differences
    assert difference.what.change == "not appended then"  # others were stored after it


def test_a_whole_stretch_has_to_account_for_every_fact() -> None:
    came = outcome("", DELIVERIES[:3])
    assert [each.what.change for each in came.differences] == ["not appended now", "not appended now"]


def test_a_decision_that_waited_for_more_facts_than_then_is_a_difference() -> None:
    late = [COUNTED[0], COUNTED[1], Fact(5, clause(0, "hi", 3)), COUNTED[3]]
    came = run_stretch(stretch_of(DELIVERIES), SESSION, late, built())
    [difference] = came.differences
    assert isinstance(difference.what, FactDifference)
    assert [(each.path, each.then, each.now) for each in difference.what.fields] == [("basis", 3, 4)]


class Stubborn(Toy):
    """Tries again when another owner was faster."""

    async def turn_ended(self, turn: e.TurnEnded) -> None:
        try:
            await self._append(turn, 0, "hi")
        except StaleWriter:
            await self._append(turn, 0, "hi")


def test_an_append_that_another_owner_refused_is_refused_again() -> None:
    deliveries = (
        Delivery(0, "handled", 3),
        Delivery(1, "stale", FACTS[1].event.event_id),
        Delivery(2, "appended", 5),
    )
    facts = [FACTS[0], Fact(5, clause(0, "hi", 3))]
    came = run_stretch(stretch_of(deliveries), SESSION, facts, built(toy_class=Stubborn))
    assert came.differences == []
    assert came.same == {5}


class Forgetful(Toy):
    """Appends only after a quarter of a second: time passes as it did then."""

    async def turn_ended(self, turn: e.TurnEnded) -> None:
        await asyncio.sleep(0.25)
        await self._append(turn, 0, "hi")


def test_timers_fire_between_the_deliveries_as_they_did_then() -> None:
    facts = [FACTS[0], Fact(5, clause(0, "hi", 3))]
    for after_ms, changes in ((300, []), (200, ["not appended now", "not appended then"])):
        deliveries = (Delivery(0, "handled", 3), Delivery(after_ms * MS, "appended", 5), Delivery(900 * MS, "read", 5))
        came = run_stretch(stretch_of(deliveries), SESSION, facts, built(toy_class=Forgetful))
        assert [each.what.change for each in came.differences] == changes


def test_a_handler_that_was_cancelled_from_outside_is_cancelled_at_the_same_moment() -> None:
    frozen = (Delivery(0, "handled", 3), Delivery(MS, "read", 1), Delivery(200 * MS, "cancelled", 3))
    again = (Delivery(300 * MS, "handled", 3), Delivery(550 * MS, "appended", 5))
    facts = [FACTS[0], Fact(5, clause(0, "hi", 3))]
    came = run_stretch(stretch_of(frozen + again), SESSION, facts, built(toy_class=Forgetful))
    assert came.differences == []
    assert came.same == {5}


class Waiting(Toy):
    """Appends at once."""

    async def turn_ended(self, turn: e.TurnEnded) -> None:
        await self._append(turn, 0, "hi")


def test_what_was_being_appended_when_a_handler_was_cancelled_is_no_difference() -> None:
    ticks = tuple(Delivery(n * 5 * MS, "read", 3) for n in range(1, 9))
    frozen = (Delivery(0, "handled", 3), *ticks, Delivery(200 * MS, "cancelled", 3))
    came = run_stretch(stretch_of(frozen), SESSION, FACTS[:1], built(toy_class=Waiting))
    assert came.differences == []
    uncancelled = run_stretch(stretch_of(frozen[:-1]), SESSION, FACTS[:1], built(toy_class=Waiting))
    assert [each.what.change for each in uncancelled.differences] == ["not appended then"]


class Reading(Toy):
    """Reads twice at once, and says how much each found."""

    async def turn_ended(self, turn: e.TurnEnded) -> None:
        log = self._seat.log
        first = asyncio.create_task(log.facts_after(turn.session_id))
        second = asyncio.create_task(log.facts_after(turn.session_id, 3))
        found = await asyncio.gather(first, second, return_exceptions=True)
        counts = [len(facts) if isinstance(facts, list) else str(facts) for facts in found]
        await self._append(turn, 0, f"{counts[0]} and {counts[1]}")


@pytest.mark.parametrize(
    ("answers", "text"),
    [
        ((("read", 3), ("read", 4)), "1 and 1"),
        ((("overtaking", 1), ("read", 3), ("read", 4)), "2 and 0"),
        (
            (("overtaking", 1), ("unread", "TimeoutError: away"), ("read", 3)),
            "1 and the log could not be read: TimeoutError: away",
        ),
    ],
)
def test_each_read_gets_its_own_answer_in_whichever_order_they_came(
    answers: tuple[tuple[str, object], ...], text: str
) -> None:
    said = Fact(5, clause(0, text))
    served = tuple(Delivery((n + 1) * MS, kind, payload) for n, (kind, payload) in enumerate(answers))
    deliveries = (Delivery(0, "handled", 3), *served, Delivery(9 * MS, "appended", 5))
    came = run_stretch(stretch_of(deliveries), SESSION, [*COUNTED[:2], said], built(toy_class=Reading))
    assert came.differences == []
    assert came.same == {5}


class ReadingMore(Reading):
    """Reads once more than the build that wrote the tape, before the other reads."""

    async def turn_ended(self, turn: e.TurnEnded) -> None:
        assert len(await self._seat.log.facts_after(SESSION, subjects=session_subjects(SESSION, "turn"))) == 1
        await super().turn_ended(turn)


class ReadingAgain(Reading):
    """Reads all once more than the build that wrote the tape, at the end."""

    async def _append(self, turn: e.TurnEnded, place: int, text: str) -> None:
        assert len(await self._seat.log.facts_after(SESSION)) == 2
        await super()._append(turn, place, text)


READS = (Delivery(0, "handled", 3), Delivery(MS, "read", [4, 0, ""]), Delivery(2 * MS, "read", [4, 0, ""]))


@pytest.mark.parametrize("changed", [ReadingMore, ReadingAgain])
@pytest.mark.parametrize(("version", "is_same"), [(4, True), (3, False)])
def test_a_read_that_was_not_made_then_is_answered_at_once_if_the_tape_has_all_reads(
    changed: type[Toy], version: int, is_same: bool
) -> None:
    said = Fact(5, clause(0, "2 and 1"))
    stretch = stretch_of((*READS, Delivery(9 * MS, "appended", 5)), version=version)
    came = run_stretch(stretch, SESSION, [*COUNTED[:2], said], built(toy_class=changed))
    assert (came.differences == [] and came.same == {5}) is is_same


class ReadingParts(Toy):
    """Reads replies, which the build that wrote the tape did not, and turns."""

    async def turn_ended(self, turn: e.TurnEnded) -> None:
        nouns = ("reply", "turn", "reply")
        counts = [
            len(await self._seat.log.facts_after(SESSION, subjects=session_subjects(SESSION, noun))) for noun in nouns
        ]
        await self._append(turn, 0, str(counts))


@pytest.mark.parametrize(("version", "which"), [(4, [0, "voice.turn.*"]), (3, [0])])
def test_a_read_of_other_subjects_than_then_takes_no_other_reads_answer(version: int, which: list[object]) -> None:
    said = Fact(5, clause(0, "[0, 2, 0]"))
    deliveries = (READS[0], Delivery(MS, "read", [4, *which]), Delivery(2 * MS, "appended", 5))
    facts = [*COUNTED[:2], said]
    came = run_stretch(stretch_of(deliveries, version=version), SESSION, facts, built(toy_class=ReadingParts))
    assert came.differences == []
    assert came.same == {5}


def test_a_read_that_was_given_up_then_is_not_answered() -> None:
    given_up = (*READS[:2], Delivery(2 * MS, "given-up", [0, ""]))
    for deliveries, count in ((given_up, 0), (READS[:2], 1)):
        came = run_stretch(stretch_of(deliveries, version=4), SESSION, COUNTED[:2], built(toy_class=Reading))
        assert len(came.differences) == count


class ReadingInTurns(Toy):
    """Each turn reads the log; the first one gets to it later than the second."""

    async def turn_ended(self, turn: e.TurnEnded) -> None:
        for _ in range(5 if turn.event_id == "t1" else 0):
            await asyncio.sleep(0)
        facts = await self._seat.log.facts_after(turn.session_id)
        await self._append(turn, 0, f"{turn.event_id}: {len(facts)}")


@given(st.permutations([3, 4]), st.permutations([3, 4]), st.tuples(st.sampled_from([3, 4]), st.sampled_from([3, 4])))
def test_an_answer_is_for_the_read_of_the_delivery_that_it_names(
    handled: list[int], answered: list[int], read_up_to: tuple[int, int]
) -> None:
    turns = {3: TURN, 4: TURN.model_copy(update={"event_id": "t2", "turn_id": "turn-2"})}
    known = {of: last - 2 for of, last in zip(answered, read_up_to, strict=True)}
    said = [
        answer(turns[of], e.ReplyClauseWritten, time_ns=9, id_name=text, id_n=0, reply_id="r1", index=0, text=text)
        for of in answered
        for text in [f"{turns[of].event_id}: {known[of]}"]
    ]
    facts = [*(Fact(of, turn) for of, turn in turns.items()), *(Fact(5 + n, each) for n, each in enumerate(said))]
    reads = [Delivery(MS, "read", [last, of]) for of, last in zip(answered, read_up_to, strict=True)]
    stored = [Delivery(2 * MS, "appended", 5), Delivery(2 * MS, "appended", 6)]
    deliveries = (*(Delivery(0, "handled", of) for of in handled), *reads, *stored)
    came = run_stretch(stretch_of(deliveries), SESSION, facts, toys(ReadingInTurns))
    assert (came.differences, came.errors, came.same) == ([], [], frozenset({5, 6}))


def test_an_answer_that_comes_before_its_read_waits_for_it() -> None:
    facts = [FACTS[0], Fact(5, clause(0, "t1: 1"))]
    deliveries = (Delivery(0, "read", [3, 3]), Delivery(0, "handled", 3), Delivery(MS, "appended", 5))
    came = run_stretch(stretch_of(deliveries), SESSION, facts, toys(ReadingInTurns))
    assert (came.differences, came.same) == ([], frozenset({5}))


class DecidingAgain(Toy):
    """Says something else if another owner has appended meanwhile; the fact has the same id."""

    async def turn_ended(self, turn: e.TurnEnded) -> None:
        said = clause(0, "hi")
        try:
            await self._seat.log.append(said)
        except StaleWriter:
            await self._seat.log.append(said.model_copy(update={"text": "well"}))


def test_what_was_refused_is_not_compared_with_what_was_decided_after_it() -> None:
    well = clause(0, "hi").model_copy(update={"text": "well"})
    refused = Delivery(MS, "stale", well.event_id)
    deliveries = (Delivery(0, "handled", 3), refused, Delivery(2 * MS, "appended", 5))
    stretch = stretch_of(deliveries)
    came = run_stretch(stretch, SESSION, [FACTS[0], Fact(5, well)], built(toy_class=DecidingAgain))
    assert (came.differences, came.same) == ([], frozenset({5}))


class Stopped(Toy):
    """Appends what the first turn leads to; the second turn stops that."""

    async def turn_ended(self, turn: e.TurnEnded) -> None:
        if turn.event_id == "t1":
            self._saying = asyncio.create_task(self._append(turn, 0, "hi"))
            await asyncio.wait([self._saying])
        else:
            self._saying.cancel()


@pytest.mark.parametrize(("stopped_ms", "changes"), [(19, []), (40, ["not appended then"])])
def test_what_is_stopped_in_the_same_moment_may_have_been_begun_sooner_than_then(
    stopped_ms: int, changes: list[str]
) -> None:
    ticks = (Delivery((n + 1) * MS, "read", [3, 0]) for n in range(8))
    deliveries = (Delivery(0, "handled", 3), *ticks, Delivery(stopped_ms * MS, "handled", 4))
    came = run_stretch(stretch_of(deliveries), SESSION, COUNTED[:2], toys(Stopped))
    assert [each.what.change for each in came.differences] == changes


class OneAtATime(Toy):
    """Appends in whichever order its two turns get to a lock."""

    def __init__(self, seat: Seat, changed: str = "") -> None:
        super().__init__(seat, changed)
        self._speaking = asyncio.Lock()

    async def turn_ended(self, turn: e.TurnEnded) -> None:
        place = int(turn.event_id == "t1")
        said = clause(place, f"clause {place}")
        await self._seat.log.in_turn(said)
        async with self._speaking:
            try:
                await self._seat.log.append(said)
            except StaleWriter:
                await self._seat.log.append(said.model_copy(update={"text": "well"}))


@pytest.mark.parametrize("refused", [False, True])
def test_an_append_that_waits_for_its_place_keeps_no_lock_from_one_that_came_before_it(refused: bool) -> None:
    first, second = clause(0, "clause 0"), clause(1, "clause 1")
    if refused:
        first = first.model_copy(update={"text": "well"})
    facts = [FACTS[0], Fact(4, TURN.model_copy(update={"event_id": "t2"})), Fact(5, first), Fact(6, second)]
    deliveries = (
        Delivery(0, "handled", 3),
        Delivery(0, "handled", 4),
        *([Delivery(MS, "stale", first.event_id)] if refused else []),
        Delivery(2 * MS, "appended", 5),
        Delivery(3 * MS, "appended", 6),
    )
    came = run_stretch(stretch_of(deliveries), SESSION, facts, toys(OneAtATime))
    assert (came.differences, came.same) == ([], frozenset({5, 6}))


class CutOff(Toy):
    """Ends a reply; if the next turn cuts that off before it is stored, ends it otherwise, under the same id."""

    _ending: "asyncio.Task[None] | None" = None

    async def turn_ended(self, turn: e.TurnEnded) -> None:
        if turn.event_id == "t1":
            self._ending = asyncio.create_task(self._end("completed"))
        elif self._ending is not None:
            await ended(self._ending)
            await self._end("interrupted")

    async def _end(self, finish: str) -> None:
        await self._seat.log.append(_end(finish))


class CutOffOtherwise(CutOff):
    """Ends it in other ways."""

    async def _end(self, finish: str) -> None:
        await super()._end({"completed": "refused", "interrupted": "too-long"}[finish])


def _end(finish: str) -> e.ReplyCompleted:
    fields: dict[str, Any] = {"reply_id": "r1", "text": "", "clauses": 0, "first_token_ms": None, "elapsed_ms": 0}
    return answer(TURN, e.ReplyCompleted, time_ns=9, finish=finish, **fields)


@pytest.mark.parametrize(
    ("finish", "basis", "is_same"),
    [
        ("completed", 3, True),  # on its way to the log when it was cut off: there the first of an id stays
        ("interrupted", 4, True),  # cut off before it was sent
        ("completed", 4, False),  # decided after the turn that cuts it off
        ("interrupted", 3, False),  # decided before that turn
        ("failed", 3, False),
        ("failed", 4, False),
    ],
)
def test_of_two_ends_one_of_which_was_cut_off_the_log_has_the_one_that_came_first(
    finish: str, basis: int, is_same: bool
) -> None:
    stored = _end(finish).model_copy(update={"appended_by": COPY, "basis": basis})
    facts = [FACTS[0], Fact(4, TURN.model_copy(update={"event_id": "t2"})), Fact(5, stored)]
    deliveries = (Delivery(0, "handled", 3), Delivery(MS, "handled", 4), Delivery(2 * MS, "appended", 5))
    came = run_stretch(stretch_of(deliveries), SESSION, facts, toys(CutOff))
    assert (came.differences == [], came.same == {5}) == (is_same, is_same)
    changed = run_stretch(stretch_of(deliveries), SESSION, facts, toys(CutOffOtherwise))
    assert changed.differences != []


class Broken(Toy):
    async def turn_ended(self, turn: e.TurnEnded) -> None:
        raise ValueError("broken")


def test_an_error_of_a_handler_is_kept_for_the_report() -> None:
    came = run_stretch(stretch_of(DELIVERIES[:1]), SESSION, FACTS[:1], built(toy_class=Broken))
    assert came.errors == ["ValueError: broken"]


def test_a_read_that_failed_then_fails_at_that_moment_in_the_replay() -> None:
    place = next(place for place, each in enumerate(DELIVERIES) if each.kind == "read")
    failed = Delivery(DELIVERIES[place].at_ns, "unread", "TimeoutError: no answer")
    stretch = stretch_of((*DELIVERIES[:place], failed, *DELIVERIES[place:]))
    came = run_stretch(stretch, SESSION, COUNTED, built(toy_class=Twice))
    assert (came.differences, came.errors, came.same) == ([], [], frozenset({5, 7}))


@pytest.mark.parametrize(("finish", "differing"), [("interrupted", ()), ("completed", ("tokens",))])
def test_whether_a_model_had_been_asked_when_its_answer_was_cut_off_is_chance(
    finish: str, differing: tuple[str, ...]
) -> None:
    fields: dict[str, Any] = {
        "reply_id": "r1",
        "text": "",
        "clauses": 0,
        "finish": finish,
        "first_token_ms": 0,
        "elapsed_ms": 0,
    }
    end = answer(TURN, e.ReplyCompleted, time_ns=9, **fields)
    asked, unasked = end.model_copy(update={"tokens": 0}), end.model_copy(update={"tokens": None})
    assert tuple(each.path for each in field_differences(asked, unasked)) == differing
    assert field_differences(asked, end.model_copy(update={"tokens": 3})) != ()
