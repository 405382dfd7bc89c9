"""Creates tenant, namespaces and topics in Pulsar through its admin API; existing ones are kept."""

import http.client
import json
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any

from infra.settings import Settings
from projections.pulsar.access import admin_headers, admin_tls
from projections.pulsar.routing import PRODUCERS, TENANT

TIMEOUT_S = 5
DEDUPLICATION_PATIENCE_S = 10


class AdminProblem(RuntimeError):
    """The admin API is unreachable or refuses; the message holds the request and the answer."""


def provision(settings: Settings) -> None:
    """Create what the projection writes to, with deduplication on and the retention of the settings; blocks.

    Raises AdminProblem, NoAccess.
    """
    api = admin_api(settings)
    clusters = api.get("/clusters")
    api.make(f"/tenants/{TENANT}", {"allowedClusters": clusters, "adminRoles": []})
    minutes = max(1, round(settings.pulsar_retention_hours * 60))
    for namespace in dict.fromkeys(_path(topic).rpartition("/")[0] for topic in PRODUCERS):
        api.make(f"/namespaces/{namespace}", {})
        api.set(f"/namespaces/{namespace}/deduplication", True)
        # Retention applies to messages without a subscription, time to live to a subscription's backlog.
        api.set(f"/namespaces/{namespace}/retention", {"retentionTimeInMinutes": minutes, "retentionSizeInMB": -1})
        api.set(f"/namespaces/{namespace}/messageTTL", minutes * 60)
    for topic in PRODUCERS:
        api.make(f"/persistent/{_path(topic)}", None)
        _wait_for_deduplication(api, topic)


def admin_api(settings: Settings) -> "AdminApi":
    """Return the admin API that the settings name, with its authentication. Raises NoAccess."""
    return AdminApi(settings.pulsar_admin_url, admin_headers(settings), admin_tls(settings))


def _path(topic: str) -> str:
    return topic.removeprefix("persistent://")


def _wait_for_deduplication(api: "AdminApi", topic: str) -> None:
    """Wait until a topic opened before has its namespace's deduplication: otherwise facts would be stored twice."""
    deadline = time.monotonic() + DEDUPLICATION_PATIENCE_S
    while (status := api.get(f"/persistent/{_path(topic)}/stats").get("deduplicationStatus")) != "Enabled":
        if time.monotonic() > deadline:
            raise AdminProblem(f"deduplication of {topic} is {status}: allow it in the broker's configuration")
        time.sleep(0.1)


class AdminApi:
    """Pulsar's admin REST API below `url`; all calls block and raise AdminProblem."""

    def __init__(self, url: str, headers: Mapping[str, str] | None = None, tls: ssl.SSLContext | None = None) -> None:
        self._base = url.rstrip("/") + "/admin/v2"
        self._headers = {"Content-Type": "application/json", **(headers or {})}
        self._tls = tls

    def get(self, path: str) -> Any:
        """Return the resource at `path`."""
        return json.loads(self._ask("GET", path, None, (200,)))

    def make(self, path: str, body: object) -> None:
        """Create a resource unless it exists."""
        self._ask("PUT", path, body, (200, 201, 204, 409))

    def set(self, path: str, value: object) -> None:
        """Set a policy."""
        self._ask("POST", path, value, (200, 204))

    def delete(self, path: str) -> None:
        """Delete a resource if it exists."""
        self._ask("DELETE", path, None, (200, 204, 404))

    def _ask(self, method: str, path: str, body: object, good: tuple[int, ...]) -> bytes:
        try:
            code, reason, answer = self._answer(method, path, body)
        except (OSError, ValueError, http.client.HTTPException) as error:
            why = str(error) or type(error).__name__
            raise AdminProblem(f"Pulsar's admin API at {self._base} does not answer: {why}") from error
        if code in good:
            return answer
        if code in (401, 403):
            why = f"{reason} (DAREDEVIL_PULSAR_TOKEN, or the certificate of DAREDEVIL_PULSAR_TLS_CERT_FILE)"
        else:
            why = answer[:300].decode(errors="replace")
        raise AdminProblem(f"Pulsar's admin API refuses {method} {path}: {code} {why}")

    def _answer(self, method: str, path: str, body: object) -> tuple[int, str, bytes]:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self._base + path, data=data, method=method, headers=self._headers)
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_S, context=self._tls) as response:
                return response.status, response.reason, bytes(response.read())
        except urllib.error.HTTPError as error:
            return error.code, error.reason, error.read()
