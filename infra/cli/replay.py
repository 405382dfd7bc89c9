"""`daredevil replay`: a recorded conversation again, at its own pace or as subjects."""

from pathlib import Path
from typing import Annotated, NamedTuple, NoReturn

import typer

from infra.cli.output import BAD_INPUT, FAILED, check_target, fail, run_async

SPEED_HELP = "How much faster than it was: `2`, `0.5`; `max` waits for nothing."


def replay(
    session: Annotated[
        str | None,
        typer.Argument(
            help="A session id, as `daredevil sessions` lists them; with --verify also a file of ids, or `-`."
        ),
    ] = None,
    publish: Annotated[
        bool,
        typer.Option("--publish", help="Publish its facts again instead of showing them, for consumers under test."),
    ] = False,
    to: Annotated[
        str | None,
        typer.Option(
            "--to",
            metavar="PREFIX",
            help="With --publish: on PREFIX.SESSION.NOUN.STATE.",
            show_default="replay",
        ),
    ] = None,
    rehearse: Annotated[
        bool, typer.Option("--rehearse", help="Store its facts again in a log of their own, for an actor under test.")
    ] = False,
    port: Annotated[
        int | None,
        typer.Option(
            "--port", help="With --rehearse: where that log listens.", min=0, max=65535, show_default="a free one"
        ),
    ] = None,
    verify: Annotated[
        bool,
        typer.Option("--verify", help="Run its actors again over what they took in, and compare what they append."),
    ] = False,
    every: Annotated[bool, typer.Option("--all", help="With --verify: every session of the log.")] = False,
    since: Annotated[
        str | None, typer.Option(metavar="AGE", help="With --verify: sessions of the last `2d`, `12h`, `30m`.")
    ] = None,
    user: Annotated[str | None, typer.Option(metavar="USER_ID", help="With --verify: sessions of this user.")] = None,
    agents: Annotated[
        str | None,
        typer.Option(
            "--agents",
            metavar="FILES",
            help="With --verify: agents of your own that the sessions had, files (`booking.py`) or modules with commas "
            "between them; by default those of DAREDEVIL_AGENTS.",
        ),
    ] = None,
    speed: Annotated[str, typer.Option("--speed", metavar="N|max", help=SPEED_HELP)] = "1",
    from_turn: Annotated[
        int | None, typer.Option("--from-turn", metavar="N", min=1, help="Begin with this turn of `daredevil turns`.")
    ] = None,
    sound: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="Write its sound as WAV (people left, agent right); `-` is standard output."),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON object per fact; with --publish, one in all.")
    ] = False,
) -> None:
    """Replay a recorded conversation: its facts in one line each, its captions, its sound.

    What the log no longer has, or this build cannot read, is said first. Nothing here reaches the log or a live call.

    For example:

      daredevil replay SESSION --speed 4 --from-turn 3

      daredevil replay SESSION -o - | aplay -q     hear it, and watch it beside

      daredevil replay SESSION --publish           send its facts again on replay.SESSION.NOUN.STATE

      daredevil replay SESSION --rehearse          run an actor of your own on it, and see what it appends

      daredevil replay SESSION --verify            exit code 0 identical, 1 a difference, 2 not verified

      daredevil replay --verify --since 2d         all sessions of two days, in parallel
    """
    from infra.cli.replay_play import play
    from infra.cli.replay_publish import publish_again
    from infra.cli.replay_rehearse import rehearse_again
    from infra.cli.system import LogEmpty
    from infra.replay.publish import PublishStopped

    try:
        if verify:
            _check_alone({"--publish": publish, "--rehearse": rehearse, "--to": to, "--from-turn": from_turn})
            _check_alone({"--out": sound, "--speed": speed != "1", "--port": port is not None})
            _verify(_Which(session, every, since, user), agents, as_json)
        if agents is not None:
            raise ValueError("--agents is for --verify: nothing else runs them")
        session = _one_session(session, every or since is not None or user is not None)
        rate = _speed(speed)
        _check_combination(publish, to, rehearse, port, sound, as_json)
        if publish:
            run_async(publish_again(session, to, rate, from_turn, as_json))
        elif rehearse:
            run_async(rehearse_again(session, port or 0, rate, from_turn))
        else:
            _check_sound(sound, rate, as_json)
            run_async(play(session, rate, from_turn, sound, as_json))
    except (ValueError, LookupError, LogEmpty) as error:
        fail(str(error.args[0] if error.args else error), BAD_INPUT)
    except PublishStopped as error:
        fail(str(error), FAILED)


def _check_alone(others: dict[str, object]) -> None:
    """Check that --verify is not given with what shows a session. Raises ValueError."""
    if given := [name for name, value in others.items() if value]:
        raise ValueError(f"--verify runs a session again and shows nothing of it: leave out {', '.join(given)}")


class _Which(NamedTuple):
    """Which sessions the command line means."""

    session: str | None
    is_all: bool
    since: str | None
    user_id: str | None


def _verify(which: _Which, agents: str | None, as_json: bool) -> NoReturn:
    """Verify the sessions that are meant, and exit. Raises ValueError, LookupError, BadAgent."""
    from infra.agents.loading import load_agents
    from infra.cli.ages import age_s
    from infra.cli.replay_verify import WhichSessions, ids_in, verify_sessions
    from infra.cli.system import changed_settings

    session, *chosen = which
    if session is not None and any(chosen):
        raise ValueError("give a session or a file of ids, or --all, --since and --user, not both")
    if session is None and not any(chosen):
        raise ValueError("which sessions? Give an id, a file of ids, `-`, or --all, --since 2d, --user USER_ID")
    if which.since is not None:
        age_s(which.since)
    is_file = session is not None and (session == "-" or Path(session).is_file())
    if session is not None and not is_file and ("." in session or "/" in session):
        raise ValueError(f"{session}: there is no such file of ids; a session id has neither dots nor slashes")
    named = () if session is None else ids_in(session) if is_file else (session,)
    if agents is not None and (problems := load_agents(agents).errors):
        raise ValueError("; ".join(problems.values()))
    with changed_settings({} if agents is None else {"agents": agents}):
        verify_sessions(WhichSessions(named, which.is_all, which.since, which.user_id), as_json)


def _one_session(session: str | None, is_choosing: bool) -> str:
    if is_choosing:
        raise ValueError("--all, --since and --user choose sessions for --verify: give it, or a session")
    if session is None:
        raise ValueError("which session? `daredevil sessions` lists them")
    return session


def _speed(text: str) -> float:
    from infra.replay.pace import AT_ONCE

    if text == "max":
        return AT_ONCE
    try:
        speed = float(text)
    except ValueError:
        speed = 0
    if not 0.001 <= speed <= 1000:
        raise ValueError(f"--speed {text}: give a number from 0.001 to 1000, or max")
    return speed


def _check_combination(
    publish: bool, to: str | None, rehearse: bool, port: int | None, sound: Path | None, as_json: bool
) -> None:
    """Check that the options belong together. Raises ValueError."""
    if publish and rehearse:
        raise ValueError("--publish sends facts on subjects, --rehearse stores them in a log: give one of them")
    if publish and sound is not None:
        raise ValueError("--publish sends facts, not sound: leave out --out")
    if to is not None and not publish:
        raise ValueError("--to is where --publish sends facts: " + ("leave it out" if rehearse else "give both"))
    if rehearse and (sound is not None or as_json):
        raise ValueError("--rehearse prints what an actor appends: leave out --out and --json")
    if port is not None and not rehearse:
        raise ValueError(
            "--port is where the log of --rehearse listens: " + ("leave it out" if publish else "give both")
        )


def _check_sound(sound: Path | None, speed: float, as_json: bool) -> None:
    """Check that sound can be written where it is wanted. Raises ValueError."""
    import sys

    if sound is None:
        return
    if str(sound) != "-":
        check_target(sound, ".wav")
    elif as_json:
        raise ValueError("--json and --out - both write to standard output: give the sound a file")
    elif sys.stdout.isatty():
        raise ValueError(
            "--out - writes sound to standard output, which is a terminal: pipe it, as in … -o - | aplay -q"
        )
    elif speed not in (1, float("inf")):
        raise ValueError("sound is played at its own speed: leave out --speed, or give --out a file")
