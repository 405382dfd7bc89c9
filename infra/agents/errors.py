"""What can be wrong with an agent, and what can go wrong in its tools."""

from infra.cannot_run import CannotRun


class ToolFailed(RuntimeError):
    """The tool cannot do what was asked; the message is for the model."""


class BadAgent(CannotRun, ValueError):
    """An agent or tool that cannot be used as it is written; the message says what to change."""

    exit_code = 2


class UnknownAgent(ValueError):
    """There is no agent of this name; the message says which there are."""


class UnknownVariable(ValueError):
    """A template names a variable that nobody gives."""

    def __init__(self, names: tuple[str, ...], agent: str = "") -> None:
        self.names = names
        of = f" of agent {agent!r}" if agent else ""
        super().__init__(f"the instructions{of} need a value for {', '.join(names)}")
