"""What a process is called in telemetry."""

import os
import uuid
from collections.abc import Mapping
from importlib.metadata import version

from opentelemetry.sdk.resources import OTELResourceDetector, Resource

NAMESPACE = "daredevil"


def service_name(process: str, environment: Mapping[str, str] = os.environ) -> str:
    """Return the service name of a process: OTEL_SERVICE_NAME if it is set, else `daredevil-<process>`.

    The supervisor gives each of its processes a name of its own (`infra.system.environment`): with one name for all,
    a service map would show one box.
    """
    given = environment.get("OTEL_SERVICE_NAME", "").strip() or _attributes(environment).get("service.name", "")
    return given or f"{NAMESPACE}-{process}"


def _attributes(environment: Mapping[str, str]) -> dict[str, str]:
    """Return what OTEL_RESOURCE_ATTRIBUTES says: `key=value` pairs, separated by commas."""
    pairs = (pair.partition("=") for pair in environment.get("OTEL_RESOURCE_ATTRIBUTES", "").split(","))
    return {key.strip(): value.strip() for key, separator, value in pairs if separator}


def resource_of(process: str) -> Resource:
    """Return the resource of a process. What OTEL_RESOURCE_ATTRIBUTES says counts more than what is known here."""
    known: dict[str, str | int] = {
        "service.namespace": NAMESPACE,
        "service.version": version("daredevil"),
        "service.instance.id": str(uuid.uuid4()),
        "process.pid": os.getpid(),
        "daredevil.process": process,
    }
    name = {"service.name": service_name(process)}
    return Resource.create({**known}).merge(OTELResourceDetector().detect()).merge(Resource(name))
