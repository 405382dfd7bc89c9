"""The settings that were in force in a session: those of its profile, and this process's for the rest."""

from collections.abc import Sequence

from contracts import events as e
from infra.log.event_log import Fact
from infra.session.behaviour import in_session
from infra.settings import Settings, settings


def settings_then(facts: Sequence[Fact]) -> Settings:
    """Return the process's settings with the session's behaviour in their place."""
    opened = next((fact.event for fact in facts if isinstance(fact.event, e.SessionOpened)), None)
    return in_session(settings(), opened.profile if opened is not None else None)
