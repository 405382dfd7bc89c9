"""Which kinds of conversations a bench of replays ran over."""

from contracts import events as e
from infra.bench.replay_kinds import counts_by_kind
from infra.log.event_log import Fact
from infra.replay.schedule import TapedStretch
from infra.replay.session_tapes import SessionTapes
from tests.infra.replay.test_verify import ALL, WHOLE, session

AT = {"session_id": ALL[0].event.session_id, "time_ns": 5}


def joined(who: str) -> Fact:
    event = e.ParticipantJoined(event_id=who, participant_id=who, **AT)
    return Fact(20, event)


def test_a_session_is_of_each_kind_that_its_facts_show() -> None:
    failed = e.EngineFailed(event_id="f", actor="reasoning", engine="llm:x", error="gone", action="used y", **AT)
    track = e.TrackPublished(event_id="t", participant_id="sam", track_id="m", sample_rate_hz=16_000, **AT)
    agent = Fact(21, e.ParticipantJoined(event_id="a", participant_id="agent", kind="agent", **AT))
    called = e.ToolCalled(event_id="c", reply_id="r1", call_id="c1", tool="book", **AT)
    of_many = [*ALL, Fact(10, track), joined("sam"), joined("ada"), agent, Fact(11, failed), Fact(12, called)]
    counts = counts_by_kind(
        [
            (session(), WHOLE),
            (session(of_many), WHOLE),
        ]
    )
    assert counts == {
        "with an interruption": 0,
        "by text": 1,
        "with several people": 1,
        "with an engine that failed": 1,
        "with tools that were called": 1,
        "with an actor followed by another copy": 0,
        "with the model local": 2,
    }


def test_a_second_copy_of_an_actor_is_seen_on_the_tapes_and_transcripts_spare_is_none() -> None:
    def tapes(actor: str) -> SessionTapes:
        return SessionTapes(tuple(TapedStretch(actor, f"{actor}-{n}", ()) for n in range(2)))

    counts = counts_by_kind([(session(), tapes("reasoning")), (session(), tapes("transcript"))])
    assert counts["with an actor followed by another copy"] == 1
