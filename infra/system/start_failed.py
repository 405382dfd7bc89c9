"""A system that could not be started."""

from infra.cannot_run import CannotRun


class StartFailed(CannotRun, RuntimeError):
    """The system could not be started; the message says what is wrong and what to do."""
