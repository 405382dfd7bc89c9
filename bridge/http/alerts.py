"""`POST /alerts`: Alertmanager's webhook, published on NATS for programs that act on alerts."""

import logging
from datetime import UTC, datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Request
from faststream.nats import NatsBroker
from pydantic import BaseModel, ConfigDict, Field

from bridge.http.auth import GivenKey, Key
from bridge.http.problems import Problem, responses
from bridge.http.route_groups import route_group
from bridge.http.sessions.reading import connected
from bridge.web.gate import Gate
from contracts.alerts import FIRING, RESOLVED, Alert
from contracts.topology import alert_subject
from infra.log.connection import round_trip
from infra.settings import Settings

log = logging.getLogger(__name__)

MOST_ALERTS = 1_000
"""Of one notification; `max_alerts` of Alertmanager's receiver is well below it."""

PUBLISHED_S = 3.0
"""Within this time NATS must have the alerts, or Alertmanager is asked to send them again."""


class SentAlert(BaseModel):
    """One alert as Alertmanager sends it; what is not here is not read."""

    status: Literal["firing", "resolved"]
    labels: dict[str, str] = Field(description="With `alertname` and `severity`, which make the subject.")
    annotations: dict[str, str] = Field({}, description="`summary`, `description` and `runbook_url` are passed on.")
    starts_at: datetime = Field(alias="startsAt")
    ends_at: datetime | None = Field(None, alias="endsAt", description="When it ended; not read while it fires.")


class Notification(BaseModel):
    """The body of Alertmanager's webhook (its version 4)."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "alerts": [
                        {
                            "status": FIRING,
                            "labels": {"alertname": "HighLatency", "severity": "warning", "door": "websocket"},
                            "annotations": {"summary": "Answers are slow"},
                            "startsAt": "2026-11-22T18:30:15.123Z",
                        }
                    ],
                }
            ]
        }
    )

    alerts: list[SentAlert] = Field(max_length=MOST_ALERTS)


class PublishedAlerts(BaseModel):
    """How many alerts NATS has received."""

    published: int


def alert_router(broker: NatsBroker, settings: Settings, admin: Key, gate: Gate) -> APIRouter:
    """Return the route."""
    router = route_group("alerts")
    key = Key(settings.alerts_key, "DAREDEVIL_ALERTS_KEY", "no-alerts-key", gate)

    async def alertmanager(request: Request, given: GivenKey = None) -> None:
        """Check who sends. Wrong keys are counted whichever key is set: this must be no place to guess the other."""
        if not admin.is_in(given):
            (key if key.is_set or not admin.is_set else admin).check(request, given)

    @router.post(
        "/alerts",
        summary="For Alertmanager's webhook",
        responses=responses(400, 401, 403, 408, 413, 415, 429),
    )
    async def take_alerts(notification: Notification, _: Annotated[None, Depends(alertmanager)]) -> PublishedAlerts:
        """Publish each alert on NATS; `Alert` in `asyncapi.yaml` says on which subject, and what it looks like.

        Needs the key of `DAREDEVIL_ALERTS_KEY`, or the admin key. An alert whose name or severity cannot be part of a
        subject makes the answer 422, which says which; the others of the notification are published all the same, as
        Alertmanager does not send them again. While NATS is away the answer is 503, and it does.
        """
        alerts, wrong = _alerts(notification)
        nc = connected(broker)
        for alert in alerts:
            await nc.publish(alert_subject(alert.severity, alert.name), alert.packed())
            log.info("alert %s (%s): %s", alert.name, alert.severity, alert.status)
        await round_trip(nc, PUBLISHED_S)
        if wrong:
            log.warning("alerts that cannot be published: %s", "; ".join(wrong))
            others = f"; alerts of this notification that are published: {len(alerts)}" if alerts else ""
            raise Problem("bad-request", "; ".join(wrong) + others)
        return PublishedAlerts(published=len(alerts))

    return router


def _alerts(notification: Notification) -> tuple[list[Alert], list[str]]:
    """Return the alerts that can be published, and of each other one why it cannot be."""
    alerts, wrong = [], []
    for place, sent in enumerate(notification.alerts):
        try:
            alerts.append(_alert(sent))
        except ValueError as error:
            wrong.append(f"alerts.{place}.labels.{error}")
    return alerts, wrong


def _alert(sent: SentAlert) -> Alert:
    """Return an alert as it is published. Raises ValueError."""
    return Alert(
        severity=sent.labels.get("severity", ""),
        name=sent.labels.get("alertname", ""),
        status=sent.status,
        started_at=_written(sent.starts_at),
        ended_at=_written(sent.ends_at) if sent.status == RESOLVED and sent.ends_at else "",
        summary=sent.annotations.get("summary", ""),
        description=sent.annotations.get("description", ""),
        runbook_url=sent.annotations.get("runbook_url", ""),
        labels=sent.labels,
    )


def _written(moment: datetime) -> str:
    """Return a time in UTC, RFC 3339, to the millisecond. One without a zone is UTC."""
    zoned = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    return zoned.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
