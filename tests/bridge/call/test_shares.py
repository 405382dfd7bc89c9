"""Where settings name shares of sessions, the door chooses the engines of the session that it opens."""

from bridge.call.session_events import session_opened
from infra.settings import Settings


def test_profile_and_engines_of_a_session_are_those_of_its_share_at_every_door() -> None:
    settings = Settings(stt="50%:local,50%:no_such.STT,local", llm="local", tts="local")
    found = set()
    for n in range(20):
        page, room = (session_opened(f"s-{n}", door, "sam", settings, 1) for door in ("websocket", "livekit"))
        assert (page.profile, page.engines) == (room.profile, room.engines)
        assert "%" not in page.engines["stt"]
        assert page.engines["stt"].startswith("no_such.STT, local (") == (page.profile.stt == "no_such.STT,local")
        found.add(page.profile.stt)
    assert found == {"local", "no_such.STT,local"}
