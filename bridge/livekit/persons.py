"""Which participants of a room are people, and what the log says about them: kinds and attributes. Pure."""

import logging
from collections.abc import Mapping
from typing import Any

from livekit import rtc

from infra.time_zones import is_zone

log = logging.getLogger(__name__)

_ORIGINS = {
    rtc.ParticipantKind.PARTICIPANT_KIND_STANDARD: "standard",
    rtc.ParticipantKind.PARTICIPANT_KIND_INGRESS: "ingress",
    rtc.ParticipantKind.PARTICIPANT_KIND_SIP: "sip",
    rtc.ParticipantKind.PARTICIPANT_KIND_CONNECTOR: "connector",
}

TIME_ZONE_ATTRIBUTE = "time_zone"
"""A participant's attribute with their time zone, as an IANA name."""
MAX_IDENTITY = 256
MAX_ATTRIBUTES, MAX_ATTRIBUTE_CHARS = 32, 512


def is_person(kind: int) -> bool:
    """Return whether a participant is somebody to talk with: recorders and other agents are not."""
    return kind in _ORIGINS


def is_microphone(kind: "rtc.TrackKind.ValueType", source: "rtc.TrackSource.ValueType") -> bool:
    """Return whether a track is somebody's voice: not video, and not the sound of a shared screen."""
    return kind == rtc.TrackKind.KIND_AUDIO and source != rtc.TrackSource.SOURCE_SCREENSHARE_AUDIO


def joined_fields(
    identity: str, kind: "rtc.ParticipantKind.ValueType", attributes: Mapping[str, str]
) -> dict[str, Any]:
    """Return what ParticipantJoined tells of somebody: identity, origin (a caller by phone is `sip`), attributes.

    Long or many attributes (a phone's number is `sip.phoneNumber`) are cut: clients set them as they like.
    """
    kept = list(attributes.items())[:MAX_ATTRIBUTES]
    zone = attributes.get(TIME_ZONE_ATTRIBUTE, "").strip()
    if zone and not is_zone(zone):
        log.warning("%s: the attribute %s is no time zone and is left out", identity[:40], TIME_ZONE_ATTRIBUTE)
        zone = ""
    told = {"time_zone": zone} if zone else {}
    return {
        **told,
        "identity": identity[:MAX_IDENTITY],
        "origin": _ORIGINS[kind],
        "attributes": {name[:MAX_ATTRIBUTE_CHARS]: value[:MAX_ATTRIBUTE_CHARS] for name, value in kept},
    }
