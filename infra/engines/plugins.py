"""Engines by name: a LiveKit plugin as `deepgram.STT`, or a class of LiveKit's interfaces as `package.module:Class`."""

import importlib
import inspect
from collections.abc import Callable, Mapping
from typing import Any, Literal

from infra.cannot_run import CannotRun
from infra.settings import Settings
from infra.settings_given import how_to_unset
from infra.shares import engine_names

LOCAL = "local"
Kind = Literal["STT", "TTS"]
KINDS: dict[Kind, str] = {"STT": "speech to text", "TTS": "text to speech"}


class EngineMissing(RuntimeError):
    """The named engine is not installed, or rejects its options; the message says what to do."""


class UnknownOptions(CannotRun, ValueError):
    """The settings have an option that no engine of the chain accepts: `problem` says which, `remedy` what to do."""

    exit_code = 2

    def __init__(self, setting: str, problem: str, remedy: str) -> None:
        super().__init__(f"{setting}: {problem}: {remedy}")
        self.setting = setting
        self.problem = problem
        self.remedy = remedy


def how_to_get(name: str) -> str:
    """Return what to install for an engine of that name."""
    module, colon, _ = name.partition(":")
    if colon:
        return f"is the package with {module} installed, or its folder in PYTHONPATH?"
    return f"is livekit-plugins-{name.partition('.')[0].replace('_', '-')} installed?"


def engine_class(name: str, default_class: str) -> Any:
    """Return the class that `name` means; a plugin named alone means its `default_class`.

    Raises ImportError or AttributeError, or whatever the module raises when it is imported.
    """
    module, colon, class_name = name.partition(":")
    if not colon:
        plugin, _, class_name = name.partition(".")
        module = f"livekit.plugins.{plugin}"
    return getattr(importlib.import_module(module), class_name or default_class)


def make_plugin(name: str, kind: Kind, interface: type, options: Mapping[str, object]) -> Any:
    """Return the engine of a name, an instance of `interface` (`stt.STT` or `tts.TTS`), with the options it accepts.

    Raises EngineMissing.
    """
    what = KINDS[kind]
    try:
        made_by = engine_class(name, kind)
    except Exception as error:  # a module may raise anything when it is imported
        raise EngineMissing(f"{what} {name!r} cannot be used: {error} ({how_to_get(name)})") from error
    try:
        engine = made_by(**options_taken(made_by, options))
    except Exception as error:  # mostly a missing key
        raise EngineMissing(f"{what} {name!r} cannot be used: {error} (are its key and options set?)") from error
    if not isinstance(engine, interface):
        raise EngineMissing(
            f"{name!r} is not a {what} engine: it must be a subclass of livekit.agents' {kind.lower()}.{kind}"
        )
    return engine


def options_taken(made_by: Callable[..., Any], options: Mapping[str, object]) -> dict[str, object]:
    """Return those of a chain's options that one engine's class accepts; all of them if it accepts any keyword."""
    taken = parameters(made_by)
    return dict(options) if taken is None else {key: value for key, value in options.items() if key in taken}


def parameters(made_by: Callable[..., Any]) -> frozenset[str] | None:
    """Return the names of a class's options; None if it accepts any keyword, or has no readable signature."""
    try:
        known = inspect.signature(made_by).parameters.values()
    except (TypeError, ValueError):  # a class written in C
        return None
    if any(each.kind is each.VAR_KEYWORD for each in known):
        return None
    return frozenset(each.name for each in known if each.kind in (each.POSITIONAL_OR_KEYWORD, each.KEYWORD_ONLY))


def check_options(settings: Settings, kind: Kind) -> None:
    """Raise UnknownOptions if the settings have an option that no engine of their chain accepts.

    The local engine accepts none. An engine that cannot be imported passes: the option may be meant for it.
    """
    chain: str = getattr(settings, kind.lower())
    options: dict[str, object] = getattr(settings, f"{kind.lower()}_options")
    known: set[str] = set()
    for name in engine_names(chain) if options else ():
        if name == LOCAL:
            continue
        try:
            taken = parameters(engine_class(name, kind))
        except (
            Exception
        ):  # a module may raise anything when it is imported; that is reported where the engine is created
            return
        if taken is None:
            return
        known |= taken
    if unknown := sorted(options.keys() - known):
        setting = f"DAREDEVIL_{kind}_OPTIONS"
        problem = f"no engine of DAREDEVIL_{kind}={chain} accepts {', '.join(unknown)}"
        none = f"{how_to_unset(f'{kind.lower()}_options')}: there are none"
        remedy = f"the options are {', '.join(sorted(known))}" if known else none
        raise UnknownOptions(setting, problem, remedy)
