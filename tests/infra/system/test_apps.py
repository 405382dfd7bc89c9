from importlib.util import find_spec

from contracts.topology import ACTORS
from infra.settings import Settings
from infra.system.addresses import choose_addresses
from infra.system.apps import APPS, App, Stage
from infra.system.parts import POSTGRES, processes

ON, OFF = Settings(transcript_spare=True), Settings(transcript_spare=False, livekit=False, livekit_url="")


def row(name: str) -> App:
    return next(app for app in APPS if app.name == name)


def test_every_actor_has_a_row_and_every_row_a_package() -> None:
    assert {app.name for app in APPS} >= set(ACTORS)
    for app in APPS:
        module, _, attribute = app.app.partition(":")
        assert find_spec(module) is not None
        assert attribute == "app"


def test_who_keeps_what_was_said_is_stopped_after_those_who_say_it_and_the_doors_first() -> None:
    stages = {app.name: app.stage for app in APPS}
    doors = {stages.pop("bridge"), stages.pop("bridge-livekit")}
    assert doors == {min(Stage)}
    assert stages.pop("persistence") > max(stages.values()) > Stage.DOOR


def test_a_row_says_whether_it_runs_and_in_how_many_copies() -> None:
    assert [copy.name for copy in row("transcript").copies(ON)] == ["transcript", "transcript-spare"]
    assert [copy.name for copy in row("transcript").copies(OFF)] == ["transcript"]
    assert row("bridge-livekit").copies(OFF) == []
    spare = row("transcript").copies(ON)[1]
    assert (spare.app, spare.stage, spare.is_spare, spare.needed) == (
        row("transcript").app,
        Stage.CONVERSATION,
        True,
        False,
    )


def test_another_actor_is_a_row_and_nothing_else() -> None:
    app = App("moderation", "moderation:app", Stage.CONVERSATION)
    assert app.copies(OFF) == [app]
    assert (app.niceness, app.secrets) == (row("reasoning").niceness, ())


def test_what_nobody_in_a_call_waits_for_leaves_the_processor_to_all_others() -> None:
    settings = Settings(port=0)
    parts = {part.name: part.niceness for part in processes(settings, choose_addresses(settings))}
    late = {name for name, niceness in parts.items() if niceness == max(parts.values())}
    assert {"persistence", "summaries", "projection-postgres"} <= late
    assert not late & {"bridge", "transcript", "reasoning", "synthesis", POSTGRES}


def test_what_makes_the_sound_of_an_answer_has_the_processor_before_those_who_think_of_the_next_words() -> None:
    settings = Settings(port=0)
    parts = {part.name: part.niceness for part in processes(settings, choose_addresses(settings))}
    assert parts["synthesis"] == parts["bridge"] < parts["llm"] == parts["reasoning"]
