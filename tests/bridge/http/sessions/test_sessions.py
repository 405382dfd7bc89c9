"""`/sessions`: what was said, found again over HTTP, for the admin key only."""

from collections.abc import Awaitable, Callable

import httpx
import pytest
from faststream.nats import NatsBroker

from bridge.http.models import time_of
from contracts import events as e
from infra.log.connection import connection
from infra.log.event_log import now_ns
from infra.session.recordings import Chunk, store
from tests.bridge.agent import Agent
from tests.bridge.http.conftest import ADMIN, KEY, OpenHttp

S = 1_000_000_000
START_NS = now_ns()
PROFILE = {"prompt": "Be kind.", "llm": "local", "stt": "local", "tts": "local"}
Open = Callable[..., Awaitable[None]]


@pytest.fixture
def agent(broker: NatsBroker) -> Agent:
    return Agent(broker)


@pytest.fixture(autouse=True)
def start_of_each_test(monkeypatch: pytest.MonkeyPatch) -> None:
    """Facts are stored not long after their own time: the time of import may be minutes ago."""
    monkeypatch.setitem(globals(), "START_NS", now_ns())


@pytest.fixture
def opened(agent: Agent) -> Open:
    async def opened(session_id: str, user_id: str = "sam", at_s: int = 0) -> None:
        fields = {"door": "websocket", "user_id": user_id, "profile": PROFILE, "time_ns": START_NS + at_s * S}
        await agent.append(e.SessionOpened, session_id, **fields)

    return opened


async def get(http: httpx.AsyncClient, path: str, **params: object) -> httpx.Response:
    return await http.get(path, params={name: str(value) for name, value in params.items()}, headers=ADMIN)


async def ids(http: httpx.AsyncClient, **params: object) -> list[str]:
    answer = await get(http, "/sessions", **params)
    assert answer.status_code == 200, answer.text
    return [session["session_id"] for session in answer.json()["sessions"]]


def at(second: int) -> str:
    return time_of(START_NS + second * S).isoformat()


async def test_sessions_are_listed_the_newest_first_by_user_and_time(
    http: httpx.AsyncClient, opened: Open, broker: NatsBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    for n in range(6):
        await opened(f"s-{n}", user_id="sam" if n % 2 else "eve", at_s=n * 10)
    assert await ids(http) == ["s-5", "s-4", "s-3", "s-2", "s-1", "s-0"]
    assert await ids(http, user_id="sam") == ["s-5", "s-3", "s-1"]
    assert await ids(http, user_id="nobody") == []
    assert await ids(http, since=at(20), until=at(40)) == ["s-4", "s-3", "s-2"]
    assert await ids(http, user_id="eve", until=at(15)) == ["s-0"]
    assert await ids(http, since="2001-01-01", until="2002-01-01") == []
    assert await ids(http, since="2199-01-01") == []


async def test_a_door_whose_clock_is_hours_off_is_found_by_the_time_of_the_log(
    http: httpx.AsyncClient, opened: Open
) -> None:
    for n, hours in enumerate((0, -3, 3, 0)):
        await opened(f"s-{n}", at_s=hours * 3600)
    assert await ids(http, since=at(-60), until=at(60)) == ["s-3", "s-2", "s-1", "s-0"]
    assert await ids(http, until=at(-3000)) == []
    assert await ids(http, since=at(3000)) == []


async def test_a_time_is_found_by_when_the_log_has_stored(
    http: httpx.AsyncClient, agent: Agent, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("infra.session.index.SLACK_NS", 0)
    times = []
    for n in range(4):
        fact = await agent.append(e.SessionOpened, f"s-{n}", door="http", user_id="sam", profile=PROFILE)
        times.append(time_of(fact.time_ns))
    assert await ids(http, since=times[2].isoformat()) == ["s-3", "s-2"]
    assert await ids(http, until=times[2].isoformat()) in (["s-1", "s-0"], ["s-2", "s-1", "s-0"])


async def test_pages_follow_each_other_without_gap_or_repetition(
    http: httpx.AsyncClient, opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("infra.session.index.WINDOW", 7)
    monkeypatch.setattr("infra.session.index.BATCH", 3)
    for n in range(45):
        await opened(f"s-{n:02}", user_id="sam" if n % 3 else "eve")
    for user, expected in (("sam", 30), ("eve", 15)):
        found: list[str] = []
        cursor: dict[str, str] = {}
        while True:
            page = (await get(http, "/sessions", user_id=user, limit=4, **cursor)).json()
            assert len(page["sessions"]) <= 4
            found += [session["session_id"] for session in page["sessions"]]
            if not page["next"]:
                break
            cursor = {"cursor": page["next"]}
            await opened(f"new-{len(found)}", user_id=user)  # what is new does not move the pages
        assert len(found) == expected
        assert found == sorted(set(found), reverse=True)


async def test_a_list_that_takes_too_long_goes_on_on_the_next_page(
    http: httpx.AsyncClient, opened: Open, broker: NatsBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    from infra.session import index as session_index
    from infra.session.index import Wanted, page_of

    monkeypatch.setattr(session_index, "WINDOW", 4)
    monkeypatch.setattr(session_index, "WIDEST_WINDOW", 4)
    for n in range(12):
        await opened(f"s-{n:02}", user_id="sam" if n == 0 else "eve")
    nc, wanted, pages = connection(broker), Wanted("sam"), 0
    while True:
        page = await page_of(nc, wanted, 10, patience_s=0)
        pages += 1
        if page.sessions or not page.before:
            break
        wanted = Wanted("sam", before=page.before)
    assert [listed.event.session_id for listed in page.sessions] == ["s-00"]
    assert pages == 3


async def a_call(agent: Agent, opened: Open) -> None:
    """A greeting, a turn that is answered, and one that is interrupted."""
    await opened("call")
    await agent.append(e.ReplyStarted, "call", reply_id="g", turn_id="tg", text="")
    await agent.append(e.ReplyCompleted, "call", reply_id="g", text="Hello!", clauses=1)
    await agent.append(e.PlaybackFinished, "call", reply_id="g", heard_text="Hello!", played_samples=9)
    for n, end in ((1, e.PlaybackFinished), (2, e.PlaybackInterrupted)):
        await agent.append(e.TurnEnded, "call", turn_id=f"t{n}", participant_id="caller", text=f"Question \u202e{n} 🦉")
        await agent.append(e.ReplyStarted, "call", reply_id=f"d{n}", turn_id=f"t{n}", text="", draft=True)
        await agent.append(e.ReplyDiscarded, "call", reply_id=f"d{n}")
        await agent.append(e.ReplyStarted, "call", reply_id=f"r{n}", turn_id=f"t{n}", text=f"Question {n}")
        await agent.append(e.ReplyClauseWritten, "call", reply_id=f"r{n}", index=0, text="One two three.")
        await agent.append(e.PlaybackStarted, "call", reply_id=f"r{n}", gap_ms=800.5)
        heard = "One two three." if n == 1 else "One"
        await agent.append(end, "call", reply_id=f"r{n}", heard_text=heard, played_samples=9)


async def test_a_transcript_has_what_was_heard(http: httpx.AsyncClient, agent: Agent, opened: Open) -> None:
    await a_call(agent, opened)
    transcript = (await get(http, "/sessions/call/transcript")).json()
    greeting, first, second = transcript["turns"]
    assert (greeting["source"], greeting["text"], greeting["replies"][0]["text"]) == ("agent", "", "Hello!")
    (answer,) = first["replies"]
    assert (first["text"], answer["text"], answer["gap_ms"]) == ("Question \u202e1 🦉", "One two three.", 800.5)
    (cut,) = second["replies"]
    assert (cut["text"], cut["written"], cut["interrupted"]) == ("One", "One two three.", True)
    assert transcript["user_id"] == "sam"
    detail = (await get(http, "/sessions/call")).json()
    assert (detail["turns"], detail["closed_at"], detail["profile"]["prompt"]) == (2, None, "Be kind.")


async def test_what_is_not_there_is_404(http: httpx.AsyncClient, opened: Open) -> None:
    await opened("empty")
    for path in ("", "/transcript", "/summary", "/recording", "/playback"):
        answer = await get(http, f"/sessions/never-was{path}")
        assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json"), path
    assert (await get(http, "/sessions/empty/summary")).status_code == 404
    assert (await get(http, "/sessions/empty/recording")).status_code == 404
    assert (await get(http, "/sessions/empty/transcript")).json()["turns"] == []
    for rubbish in ("UPPER", "a.b", "voice.*", "%3E", "a" * 65, "%00", "-a"):
        assert (await get(http, f"/sessions/{rubbish}/transcript")).status_code in (404, 422), rubbish
    for query in (
        "limit=0",
        "limit=9999",
        "cursor=0",
        "cursor=abc",
        "since=yesterday",
        "until=0.5",
        "since=-5",
        "cursor=" + "9" * 30,
    ):
        answer = await http.get(f"/sessions?{query}", headers=ADMIN)
        assert answer.status_code == 422, query
        assert answer.json()["code"] == "bad-request"


async def test_summaries_are_reported(http: httpx.AsyncClient, agent: Agent, opened: Open) -> None:
    await opened("call")
    await agent.append(e.SummaryRevised, "call", summary="So far.", through_turn_id="t9", turns=9)
    assert (await get(http, "/sessions/call/summary")).json()["final"] is None
    written = {
        "summary": "Owls.",
        "topics": ("owls",),
        "sentiment": "positive",
        "action_items": ("Buy food.",),
        "turns": 12,
    }
    await agent.append(e.SummaryWritten, "call", **written)
    await agent.append(e.SessionClosed, "call", reason="hangup")
    told = (await get(http, "/sessions/call/summary")).json()
    assert (told["final"]["summary"], told["final"]["action_items"], told["rolling"]["turns"]) == (
        "Owls.",
        ["Buy food."],
        9,
    )
    listed = (await get(http, "/sessions")).json()["sessions"][0]
    assert (listed["has_summary"], listed["close_reason"], listed["has_recording"]) == (True, "hangup", False)


async def test_a_recording_is_served_in_the_parts_that_are_asked_for(
    http: httpx.AsyncClient, broker: NatsBroker, opened: Open
) -> None:
    await opened("call")
    from infra.session.opus import SILENT_PACKET

    last = await store(connection(broker), "call", Chunk(0, START_NS, 0, (SILENT_PACKET,) * 100), 0)
    whole = await get(http, "/sessions/call/recording")
    assert (whole.status_code, whole.headers["content-type"], whole.headers["accept-ranges"]) == (
        200,
        "audio/webm",
        "bytes",
    )
    data = whole.content
    assert data[:4] == b"\x1a\x45\xdf\xa3"

    async def part(asked: str, **more: str) -> tuple[int, bytes, str]:
        answer = await http.get("/sessions/call/recording", headers=ADMIN | {"Range": asked} | more)
        return answer.status_code, answer.content, answer.headers.get("content-range", "")

    size = len(data)
    assert await part("bytes=0-99") == (206, data[:100], f"bytes 0-99/{size}")
    assert await part("bytes=100-") == (206, data[100:], f"bytes 100-{size - 1}/{size}")
    assert await part("bytes=-10") == (206, data[-10:], f"bytes {size - 10}-{size - 1}/{size}")
    assert (await part(f"bytes=5-{size * 2}"))[1] == data[5:]
    for nonsense in ("bytes=9-3", "bytes=-", "rows=1-2", "bytes=0-1,4-5", "bytes=a-b"):
        assert (await part(nonsense))[:2] == (200, data), nonsense
    for beyond in (f"bytes={size}-", "bytes=-0"):
        assert (await part(beyond))[::2] == (416, f"bytes */{size}"), beyond
    etag = whole.headers["etag"]
    assert (await part("bytes=0-9", **{"If-Range": etag}))[0] == 206
    assert await part("bytes=0-" + "9" * 23) == (206, data, f"bytes 0-{size - 1}/{size}")
    for known in (etag, f'"other", W/{etag}', "*"):
        assert (await part("bytes=0-9", **{"If-None-Match": known}))[:2] == (304, b""), known
    assert (await part("bytes=0-9", **{"If-None-Match": '"other"'}))[0] == 206
    await store(connection(broker), "call", Chunk(1, START_NS, 100, (SILENT_PACKET,) * 100), last)
    assert (await part("bytes=0-9", **{"If-Range": etag}))[0] == 200  # it has grown


async def test_a_player_finds_words_in_the_sound(
    http: httpx.AsyncClient, agent: Agent, opened: Open, broker: NatsBroker
) -> None:
    from infra.session.opus import SILENT_PACKET

    await opened("call")
    heard = {"utterance_id": "u", "participant_id": "caller", "start_sample": 16_000, "end_sample": 32_000}
    await agent.append(e.SpeechEnded, "call", **heard, track_id="t", speech_ended_ns=START_NS + 3 * S + 50_000_000)
    await agent.append(e.UtteranceTranscribed, "call", **heard, text="What time is it?")
    turn = {"turn_id": "t1", "participant_id": "caller", "text": "What time is it?", "utterance_ids": ("u",)}
    await agent.append(e.TurnEnded, "call", **turn)
    await agent.append(e.ReplyStarted, "call", reply_id="r", turn_id="t1", text="What time is it?")
    sound = {
        "text": "It is noon.",
        "samples": 24_000,
        "sample_rate_hz": 24_000,
        "word_end_samples": (8_000, 16_000, 24_000),
    }
    await agent.append(e.ClauseSynthesized, "call", reply_id="r", index=0, **sound)
    await agent.append(e.PlaybackStarted, "call", reply_id="r", time_ns=START_NS + 4 * S)
    await agent.append(e.PlaybackFinished, "call", reply_id="r", heard_text="It is noon.", played_samples=24_000)
    chunk = Chunk(0, START_NS, 0, (SILENT_PACKET,) * 300, track_samples={"t": 16_000}, last=True)
    await store(connection(broker), "call", chunk, 0)
    told = (await get(http, "/sessions/call/playback")).json()
    assert [(c["speaker"], c["start_ms"], c["end_ms"]) for c in told["captions"]] == [
        ("user", 2000, 3000),
        ("agent", 4000, 5000),
    ]
    assert told["recording"]["url"] == "/sessions/call/recording"
    assert told["recording"]["is_complete"]
    assert 5_900 < told["recording"]["duration_ms"] <= 6_000


@pytest.mark.slow
async def test_erasing_needs_a_closed_session_and_gives_a_receipt(
    http: httpx.AsyncClient, agent: Agent, opened: Open
) -> None:
    await a_call(agent, opened)
    refused = await http.delete("/sessions/call", headers=ADMIN)
    assert (refused.status_code, refused.json()["code"]) == (409, "session-open")
    assert (await http.delete("/sessions/never-was", headers=ADMIN)).status_code == 404
    await agent.append(e.SummaryWritten, "call", summary="Owls.")
    await agent.append(e.RecordingStored, "call", **RECORDED)
    await agent.append(e.SessionClosed, "call", reason="hangup")
    answer = await http.delete("/sessions/call", params={"reason": "asked for"}, headers=ADMIN)
    assert answer.status_code == 200, answer.text
    assert answer.json()["sessions"][0]["session_id"] == "call"
    gone = await get(http, "/sessions/call/transcript")
    assert (gone.status_code, "Question" in gone.text) == (404, False)
    detail = (await get(http, "/sessions/call")).json()
    assert detail["erased_at"]
    assert detail["user_id"] == ""


RECORDED = {
    "recording_id": "r",
    "codec": "opus",
    "sample_rate_hz": 48_000,
    "duration_ms": 9_000,
    "size_bytes": 9,
    "start_ns": START_NS,
}


@pytest.mark.parametrize("method", ["GET", "DELETE"])
async def test_without_the_key_nothing_is_shown(open_http: OpenHttp, method: str) -> None:
    http = await open_http()
    for given in ("", "Bearer wrong", "Basic YTpi", "Bearer", f"Bearer {KEY}x", f"Bearer {KEY[:-1]}"):
        headers = {"Authorization": given} if given else {}
        answer = await http.request(method, "/sessions/call", headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (401, "unauthorized")
        assert answer.headers["www-authenticate"] == "Bearer"
    closed = await open_http(admin_key="")
    answer = await closed.request(method, "/sessions/call", headers=ADMIN)
    assert answer.status_code == 403
    assert "DAREDEVIL_ADMIN_KEY" in answer.json()["detail"]


async def test_every_session_route_needs_the_key(http: httpx.AsyncClient) -> None:
    document = (await http.get("/openapi.json")).json()
    routes = [
        (path, method) for path, methods in document["paths"].items() for method in methods if "/sessions" in path
    ]
    assert len(routes) >= 7
    for path, method in routes:
        answer = await http.request(method, path.replace("{session_id}", "call"))
        assert answer.status_code == 401, (path, method)


@pytest.mark.slow
async def test_guessing_the_key_is_slowed_down(http: httpx.AsyncClient) -> None:
    statuses = [(await http.get("/sessions", headers={"Authorization": f"Bearer {n}"})).status_code for n in range(30)]
    assert statuses[:20] == [401] * 20
    assert 429 in statuses[20:]
    assert (await http.get("/sessions", headers=ADMIN)).status_code == 200
