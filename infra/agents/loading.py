"""The agents of a process: from modules or files that their authors wrote. One agent's fault leaves out that agent."""

import importlib
import importlib.util
import logging
import sys
import sysconfig
import traceback
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType

from infra.agents.agent import Agent
from infra.agents.errors import BadAgent

log = logging.getLogger(__name__)

DEFAULT = "default"
"""The agent that is built in."""


@dataclass(frozen=True, slots=True)
class Agents:
    """Agents by name, the one that is taken if none is chosen first; `errors` tells what is wrong with others."""

    by_name: Mapping[str, Agent] = field(default_factory=dict)
    errors: Mapping[str, str] = field(default_factory=dict)
    """What is wrong, by the name of the agent, or of the module or file if the agent has none."""
    built_in: Agent | None = None
    """Answers sessions of the name `default` and those without a name, which older builds opened."""

    def of(self, name: str) -> Agent | None:
        """Return an agent; None if this build has none of that name."""
        if (found := self.by_name.get(name)) is not None:
            return found
        return self.built_in if name in ("", DEFAULT) else None


def load_agents(places: str, built_in: Agent | None = None) -> Agents:
    """Return the agents of modules (`shop.agents`) and files (`booking.py`), several with commas between them.

    Raises BadAgent if no place has a usable agent; `Agents.errors` has the faults otherwise.
    """
    by_name: dict[str, Agent] = {}
    errors: dict[str, str] = {}
    wanted = [place for each in places.split(",") if (place := each.strip())]
    for place in wanted:
        try:
            found = _agents_in(place)
        except BadAgent as error:
            errors[place] = str(error)
            continue
        for agent in found:
            if by_name.setdefault(agent.name, agent) is not agent:
                errors[agent.name] = f"two agents are called {agent.name!r} (the second is in {place}): neither is used"
    by_name = {name: agent for name, agent in by_name.items() if name not in errors}
    if wanted and not by_name:
        raise BadAgent("; ".join(errors.values()))
    return Agents(by_name, errors, built_in)


def _agents_in(place: str) -> list[Agent]:
    try:
        module = _file(Path(place)) if place.endswith(".py") else importlib.import_module(findable(place))
    except BadAgent as error:
        raise BadAgent(f"{place}: {error}{_where(error)}") from error
    except (Exception, SystemExit) as error:  # users' code may raise anything when it is imported
        log.debug("importing %s", place, exc_info=True)
        raise BadAgent(f"{place} cannot be imported: {type(error).__name__}: {error}{_where(error)}") from error
    found = list(_unique(value for value in vars(module).values() if isinstance(value, Agent)))
    if not found:
        raise BadAgent(f"{place} has no agent: write `agent = Agent(name=…, instructions=…)` in it")
    return found


def _unique(agents: Iterable[Agent]) -> Iterable[Agent]:
    return {id(agent): agent for agent in agents}.values()


def findable(module: str) -> str:
    """Return the name of a module, which may lie in the current folder: as `faststream run` and `python -m` find it."""
    _search(Path.cwd())
    return module


def _search(folder: Path) -> None:
    """Let modules be imported from a folder, after all other places."""
    if str(folder) not in sys.path:
        sys.path.append(str(folder))


_INFRA = str(Path(__file__).parents[1])
_OF_OTHERS = tuple({*(sysconfig.get_path(name) for name in ("stdlib", "purelib", "platlib")), _INFRA, "<"})
"""Files whose names begin so are not the author's."""


def _where(error: BaseException) -> str:
    """Return the line of the author's own code in which an error was raised, if it does not say so itself."""
    if isinstance(error, SyntaxError):
        return ""
    own = [each for each in traceback.extract_tb(error.__traceback__) if not each.filename.startswith(_OF_OTHERS)]
    return f" ({Path(own[-1].filename).name}, line {own[-1].lineno})" if own else ""


def _file(path: Path) -> ModuleType:
    if not path.is_file():
        raise BadAgent("there is no such file")
    _search(path.resolve().parent)  # for what lies beside it
    name = f"agents_of_{path.stem}"  # never that of another module, such as one of the standard library
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise BadAgent("it is no Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module
