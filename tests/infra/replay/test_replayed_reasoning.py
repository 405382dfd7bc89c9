"""Reasoning runs again over its tape: the same facts come out, and a change is found where it changes them."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest
from faststream.nats import NatsBroker
from langchain_core.messages import BaseMessage

from actors.reasoning import clauses, generation, prompts, session_state
from actors.reasoning.answering import Reasoning
from actors.reasoning.decide import reply_id_of
from actors.reasoning.default_agent import BUILT_IN
from actors.reasoning.session_log import RECONNECTED
from actors.reasoning.small_model.examples import EXAMPLES
from contracts import events as e
from infra.agents.loading import Agents
from infra.engines import llm
from infra.log.event_log import Fact, append
from infra.replay.recorded_log import FactDifference
from infra.replay.schedule import ReplayDifference, TapedStretch
from infra.tape.recorded import RequestDifference
from tests.actors.reasoning.facts import about, ended, fact, opened, revised
from tests.actors.reasoning.models import WAIT, ScriptedModel, tool_call
from tests.actors.reasoning.test_actor import until as until_true
from tests.actors.reasoning.test_memory import Memory
from tests.infra.replay.taped_reasoning import Copy, appended_by, facts_of, finish, replayed, taped_copy, tell
from tests.servers import NatsServer

ANSWER = ["Good day, ", "nice to hear ", "you. How are ", "you?"]
LONG = ["It is a very, very fine day today, my friend. ", "The sun is out. ", "All birds sing. And so do I."]
SECOND = 1_000_000_000


def heard(reply_id: str, text: str, turn: str, at_ns: int) -> list[e.Event]:
    """Return the facts of a reply that was played to its end."""
    fields = {"turn_id": turn, "played_samples": 100, "time_ns": at_ns}
    return [about(e.PlaybackFinished, reply_id, heard_text=text, **fields)]


async def until_written(broker: NatsBroker, clauses_of: str) -> None:
    """Wait until a reply has a clause in the log."""

    async def written() -> bool:
        return any(
            isinstance(each.event, e.ReplyClauseWritten) and each.event.reply_id == clauses_of
            for each in await facts_of(broker)
        )

    await until_true(written)


async def assert_same(copy: Copy, broker: NatsBroker, **stretch: Any) -> None:
    """Check that each fact of a copy comes out again, and nothing else."""
    facts = await facts_of(broker)
    came = await replayed(copy.stretch(**stretch), facts, copy.agents)
    assert [_shown(each) for each in came.differences] == []
    assert came.errors == []
    assert came.same == appended_by(copy, facts) != set()


def _shown(difference: ReplayDifference) -> str:
    return f"{difference.what} at {difference.at}: {difference.inputs[-3:]}"


async def call(broker: NatsBroker, copy: Copy) -> None:
    """Hold a conversation: greeting, draft committed, draft discarded, a tool, a barge-in, an end."""
    await finish(await tell(broker, copy, opened(greeting="Welcome. How can I help?", llm="fake:m0")))
    await finish(await tell(broker, copy, revised("Hello there.", "rev1", "t1"), ended("hello there", "t1")))
    first = reply_id_of(revised("", "rev1", "t1"))
    await tell(broker, copy, *heard(first, "Good day, nice to hear", "t1", 2 * SECOND))
    drafting = await tell(broker, copy, revised("Is it", "rev2", "t2"))
    await finish([*drafting, *await tell(broker, copy, ended("Is it late in Tokyo?", "t2", time_ns=3 * SECOND))])
    talking = await tell(broker, copy, ended("Tell me a story.", "t3", time_ns=4 * SECOND))
    told = reply_id_of(ended("", "t3"))
    await until_written(broker, told)
    await tell(broker, copy, about(e.TurnInterrupted, told, turn_id="t4", participant_id="p", time_ns=5 * SECOND))
    await finish(talking)
    await finish(await tell(broker, copy, ended("Thank you, that will do.", "t4", time_ns=6 * SECOND)))
    await finish(await tell(broker, copy, fact(e.RemarkRequested, "remark", text="It is getting late.")))
    await finish(await tell(broker, copy, fact(e.SessionClosed, "close", reason="hangup")))


class Answering(ScriptedModel):
    """Plays the script of the question, whichever questions were asked before."""

    async def _astream(self, messages: list[BaseMessage], *args: Any, **kwargs: Any) -> AsyncIterator[Any]:
        question = next(each.text for each in reversed(messages) if each.type == "human")
        script = SCRIPTS["and now" if messages[-1].type == "tool" else question.lower().rstrip(".?")]
        playing = ScriptedModel.playing(script)
        async for chunk in ScriptedModel._astream(playing, messages, *args, **kwargs):
            yield chunk


SCRIPTS: dict[str, list[Any]] = {
    "hello there": ANSWER,
    "is it": ["It is what?"],
    "is it late in tokyo": [tool_call("current_time", '{"time_zone": "Tokyo"}')],
    "and now": ["It is late."],
    "tell me a story": ["Once upon a time there was a king. ", WAIT],
    "thank you, that will do": LONG,
}


async def test_a_call_comes_out_the_same(broker: NatsBroker) -> None:
    async with taped_copy("reasoning-a", Answering()) as copy:
        await call(broker, copy)
    await assert_same(copy, broker)


async def test_a_call_comes_out_the_same_where_keys_and_addresses_are_others(broker: NatsBroker) -> None:
    private = {"api_key": "rotated since", "base_url": "http://127.0.0.1:9/v1"}
    async with taped_copy("reasoning-a", Answering(), llm_options=private) as copy:
        await tell(broker, copy, opened(llm="fake:m0"))
        await finish(await tell(broker, copy, ended("Hello there.", "t1")))
    await assert_same(copy, broker)


async def test_recall_tokens_and_a_clock_of_a_small_model_come_from_the_tape(broker: NatsBroker) -> None:
    model = ScriptedModel.playing(LONG)
    async with taped_copy("reasoning-a", model, llm="local", memory=Memory()) as copy:
        await tell(broker, copy, opened(llm="local"))
        for turn, text in (("t1", "Who am I?"), ("t2", "What is the time?"), ("t3", "Tell me about owls.")):
            await finish(await tell(broker, copy, ended(text, turn)))
    kinds = {each.payload[1] for each in copy.stretch().deliveries if each.kind == "asked"}
    assert {"recall", "tokens", "tool", "model", "models", "known-answer"} <= kinds
    await assert_same(copy, broker)


async def test_a_chain_of_models_that_fail_comes_out_the_same(broker: NatsBroker) -> None:
    failing = ScriptedModel.playing(["Good day. Nice ", RuntimeError("no credit")])
    refusing = ScriptedModel.playing([ValueError("maximum context length is 8 tokens")], ["to hear you."], [WAIT])
    async with taped_copy("reasoning-a", failing, refusing, llm_timeout_s=0.2) as copy:
        await tell(broker, copy, opened(llm="fake:m0,fake:m1"))
        await finish(await tell(broker, copy, ended("Hello there.", "t1")))
        await finish(await tell(broker, copy, ended("How are you?", "t2")))
    facts = await facts_of(broker)
    assert len([each for each in facts if isinstance(each.event, e.EngineFailed)]) == 4
    await assert_same(copy, broker)


async def test_a_conversation_by_text_comes_out_the_same(broker: NatsBroker) -> None:
    async with taped_copy("reasoning-a", ScriptedModel.playing(LONG)) as copy:
        await tell(broker, copy, opened(llm="fake:m0").model_copy(update={"profile": text_profile()}))
        await finish(await tell(broker, copy, ended("How are you?", "t1")))
    await assert_same(copy, broker)


def text_profile() -> Any:
    return opened(llm="fake:m0").profile.model_copy(update={"speaks": False})


async def test_two_copies_that_answer_in_turns_come_out_the_same(broker: NatsBroker) -> None:
    draft = ScriptedModel.playing(["Good day. ", "Nice ", WAIT])
    other = ScriptedModel.playing(["Fine, thanks."])
    async with taped_copy("reasoning-a", draft) as first, taped_copy("reasoning-b", other) as second:
        await tell(broker, first, opened(llm="fake:m0"))
        drafting = await tell(broker, first, revised("Hello there.", "rev1", "t1"))
        await until_written(broker, reply_id_of(revised("", "rev1", "t1")))
        await tell(broker, second, ended("Hello there.", "t1"))
        later = await tell(broker, second, ended("Something else.", "t2", time_ns=2 * SECOND))
        await finish([*drafting, *later])
    for copy in (first, second):
        await assert_same(copy, broker)


async def test_a_reply_that_another_copy_went_on_with_comes_out_the_same_for_both(broker: NatsBroker) -> None:
    turn = ended("Hello there.", "t1")
    dying = ScriptedModel.playing(["Good day, dear caller. Nice ", WAIT])
    again = ScriptedModel.playing(["Good day, dear ", "caller. Nice to", " hear you."])
    async with taped_copy("reasoning-a", dying) as first:
        await tell(broker, first, opened(llm="fake:m0"))
        sequence = await append(broker, turn)
        job = await first.take(Fact(sequence, turn))
        assert job is not None
        await until_written(broker, reply_id_of(turn))
        job.cancel()
        await asyncio.gather(job, return_exceptions=True)
    async with taped_copy("reasoning-b", again) as second:
        job = await second.take(Fact(sequence, turn))
        assert job is not None
        await finish([job])
    last = max(appended_by(first, await facts_of(broker)))
    await assert_same(first, broker, is_cut=True, last=last)
    await assert_same(second, broker)


async def test_a_copy_that_dropped_the_session_meanwhile_comes_out_the_same(broker: NatsBroker) -> None:
    async with taped_copy("reasoning-a", ScriptedModel.playing(ANSWER)) as copy:
        await tell(broker, copy, opened(llm="fake:m0"))
        await finish(await tell(broker, copy, revised("Hello there.", "rev1", "t1")))
        copy.drop()
        await finish(await tell(broker, copy, ended("Hello there.", "t1")))
    await assert_same(copy, broker)


async def test_a_model_that_writes_while_its_draft_is_being_discarded_comes_out_the_same(
    broker: NatsBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    goes_on, discard = asyncio.Event(), Reasoning._discard

    class Held(ScriptedModel):
        async def _astream(self, *args: Any, **kwargs: Any) -> AsyncIterator[Any]:
            await goes_on.wait()
            async for chunk in ScriptedModel._astream(self, *args, **kwargs):
                yield chunk

    async def discard_after_a_piece(self: Reasoning, *asked: Any) -> None:
        async def has_a_piece() -> bool:
            return any(each.raw.pieces for each in self._running.values())

        goes_on.set()
        await until_true(has_a_piece)
        await discard(self, *asked)

    async with taped_copy("reasoning-a", Held.playing(["It is", WAIT], ANSWER)) as copy:
        await tell(broker, copy, opened(llm="fake:m0"))
        drafting = await tell(broker, copy, revised("Is it", "rev1", "t1"))
        with monkeypatch.context() as later:
            later.setattr(Reasoning, "_discard", discard_after_a_piece)
            await finish([*drafting, *await tell(broker, copy, ended("Hello there.", "t1"))])
    discarded = [each.event for each in await facts_of(broker) if isinstance(each.event, e.ReplyDiscarded)]
    assert [each.tokens for each in discarded] == [1]
    await assert_same(copy, broker)


async def test_an_outage_in_the_midst_of_a_reply_comes_out_the_same(
    broker: NatsBroker, nats_server: NatsServer
) -> None:
    back = asyncio.Event()

    class AcrossOutage(ScriptedModel):
        async def _astream(self, *args: Any, **kwargs: Any) -> AsyncIterator[Any]:
            async for chunk in ScriptedModel._astream(self, *args, **kwargs):
                yield chunk
                await back.wait()

    async with taped_copy("reasoning-a", AcrossOutage.playing(["Good day. Nice ", "to hear you."])) as copy:
        jobs = await tell(broker, copy, opened(llm="fake:m0"), ended("Hello there.", "t1"))
        await until_written(broker, reply_id_of(ended("", "t1")))
        await nats_server.stop()
        await nats_server.start()

        async def reconnected() -> bool:
            await copy.noted()
            return any(each.kind == RECONNECTED for each in copy.stretch().deliveries)

        await until_true(reconnected)
        back.set()
        await finish(jobs)
    await assert_same(copy, broker)


async def test_a_stretch_in_the_midst_of_a_call_knows_what_was_known(broker: NatsBroker) -> None:
    async with taped_copy("reasoning-a", ScriptedModel.playing(ANSWER)) as copy:
        await tell(broker, copy, opened(llm="fake:m0"))
        await finish(await tell(broker, copy, revised("Hello there.", "rev1", "t1")))
        basis, before = copy.tapes.of("s-1").basis, await copy.noted()
        await finish(await tell(broker, copy, ended("hello there", "t1")))
    whole, facts = copy.stretch(), await facts_of(broker)
    rest = TapedStretch(whole.actor, whole.instance, whole.deliveries[before:], basis)
    came = await replayed(rest, facts)
    assert [_shown(each) for each in came.differences] == []
    assert came.same == {each for each in appended_by(copy, facts) if each > basis} != set()


@dataclass(frozen=True, slots=True)
class Planted:
    """A change of the code, and where its first difference must be: in what, and of which turn's reply."""

    name: str
    plant: Callable[[pytest.MonkeyPatch], None]
    where: str
    turn: str


def _swapped_prompt(patch: pytest.MonkeyPatch) -> None:
    real = prompts.prompt_messages
    patch.setattr("actors.reasoning.fitting.prompt_messages", lambda *asked: list(reversed(real(*asked))))


def _without(event_class: type[e.Event]) -> Callable[[pytest.MonkeyPatch], None]:
    def plant(patch: pytest.MonkeyPatch) -> None:
        for handlers in (session_state._ON_SESSION, session_state._ON_REPLY):
            if event_class in handlers:
                patch.delitem(handlers, event_class)

    return plant


def _limits(**changed: Any) -> Callable[[pytest.MonkeyPatch], None]:
    return lambda patch: patch.setattr(llm, "_LOCAL_LIMITS", replace(llm._LOCAL_LIMITS, **changed))


def _options(patch: pytest.MonkeyPatch) -> None:
    real = llm.options_of
    patch.setattr("actors.reasoning.chat_models.options_of", lambda *asked: real(*asked) | {"temperature": 0.7})


def _fewer_examples(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("actors.reasoning.small_model.prompt.EXAMPLES", EXAMPLES[2:])


def _no_rounds_of_tools(patch: pytest.MonkeyPatch) -> None:
    agents = Agents(built_in=replace(BUILT_IN, max_tool_rounds=0))
    patch.setattr("infra.replay.reasoning._agents", lambda settings: agents)


PLANTED = [
    Planted(
        "a clause is cut later", lambda patch: patch.setattr(clauses, "FIRST_WORDS", 9), "ReplyClauseWritten", "t1"
    ),
    Planted("the order of the prompt", _swapped_prompt, "known-answer: messages", "t1"),
    Planted("options", _options, "ReplyStarted", "t1"),  # has the digest of what is asked next
    Planted("what was heard is not taken in", _without(e.PlaybackFinished), "known-answer: messages", "t2"),
    Planted("interruptions are not taken in", _without(e.TurnInterrupted), "ReplyDiscarded", "t3"),
    Planted("the rounds of tools", _no_rounds_of_tools, "model: tools", "t1"),
]
PLANTED_IN_A_SMALL_MODEL = [
    Planted("the examples", _fewer_examples, "tokens: asked otherwise", "t1"),
    Planted("the limit of sentences", _limits(sentences=1), "ReplyCompleted", "t1"),
]


def _where(difference: ReplayDifference) -> tuple[str, str]:
    """Return what differs, and the reply that it is about."""
    what = difference.what
    if isinstance(what, RequestDifference):
        return f"{what.kind}: {', '.join(what.parts) or what.change}", what.key
    assert isinstance(what, FactDifference)
    event = what.now or (what.then.event if what.then is not None else None)
    return type(event).__name__, getattr(event, "reply_id", "")


async def differences_of(
    planted: Planted, copy: Copy, facts: list[Fact], patch: pytest.MonkeyPatch
) -> list[ReplayDifference]:
    with patch.context() as planting:
        planted.plant(planting)
        return (await replayed(copy.stretch(), facts)).differences


def _turns(facts: list[Fact]) -> dict[str, str]:
    """Return the turn of each reply."""
    return {fact.event.reply_id: fact.event.turn_id or "" for fact in facts if isinstance(fact.event, e.ReplyStarted)}


async def test_a_change_of_the_code_is_found_at_the_fact_or_request_that_it_changes(
    broker: NatsBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with taped_copy("reasoning-a", Answering()) as copy:
        await call(broker, copy)
    facts = await facts_of(broker)
    for planted in PLANTED:
        differences = await differences_of(planted, copy, facts, monkeypatch)
        assert differences, planted.name
        where, reply_id = _where(differences[0])
        assert (planted.name, where, _turns(facts)[reply_id]) == (planted.name, planted.where, planted.turn)
        assert planted.plant is not _options or "model: options" in {_where(each)[0] for each in differences}


async def test_a_change_of_what_a_small_model_is_given_or_says_is_found(
    broker: NatsBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with taped_copy("reasoning-a", ScriptedModel.playing(LONG), llm="local") as copy:
        await tell(broker, copy, opened(llm="local"))
        await finish(await tell(broker, copy, ended("Tell me about owls.", "t1")))
    facts = await facts_of(broker)
    for planted in PLANTED_IN_A_SMALL_MODEL:
        differences = await differences_of(planted, copy, facts, monkeypatch)
        assert differences, planted.name
        assert (planted.name, _where(differences[0])[0]) == (planted.name, planted.where)


def _wrapped(patch: pytest.MonkeyPatch) -> None:
    real = clauses.ClauseSplitter.feed
    patch.setattr(clauses.ClauseSplitter, "feed", lambda self, text: [*real(self, text)])


def _chatty_wire(patch: pytest.MonkeyPatch) -> None:
    async def heard_by_nobody(self: object, subject: str, data: bytes) -> None:
        await asyncio.sleep(0)

    patch.setattr("actors.reasoning.wire.SilentWire.whisper", heard_by_nobody)


def _slower(patch: pytest.MonkeyPatch) -> None:
    real = generation.Generation._take

    async def take(self: generation.Generation, out: Any) -> bool:
        await asyncio.sleep(0)
        return await real(self, out)

    patch.setattr(generation.Generation, "_take", take)


REFACTORED = [_wrapped, _chatty_wire, _slower]


@pytest.mark.parametrize("refactor", REFACTORED)
async def test_a_change_that_changes_no_behaviour_is_no_difference(
    broker: NatsBroker, monkeypatch: pytest.MonkeyPatch, refactor: Callable[[pytest.MonkeyPatch], None]
) -> None:
    async with taped_copy("reasoning-a", Answering()) as copy:
        await call(broker, copy)
    refactor(monkeypatch)
    await assert_same(copy, broker)
