"""Who is and was in a session besides the agent, and what they are called. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from contracts import events as e

NAME_CHARS = 40
"""Names are cut to this length: people choose them, and the model reads them."""


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who joined; `identity` is their id at the door, empty if the door serves only one person."""

    participant_id: str
    name: str = ""
    identity: str = ""
    present: bool = True
    time_zone: str = ""
    """IANA name, empty if their client did not report it."""
    attributes: Mapping[str, str] = field(default_factory=dict)
    """What the door knows about them."""


People = Mapping[str, Person]


def note(people: dict[str, Person], event: e.Event) -> None:
    """Apply a fact of somebody joining or leaving. The agent does not count."""
    if isinstance(event, e.ParticipantJoined) and event.kind == "person":
        people[event.participant_id] = Person(
            event.participant_id, event.name, event.identity, True, event.time_zone, event.attributes
        )
    elif isinstance(event, e.ParticipantLeft) and (person := people.get(event.participant_id)) is not None:
        people[event.participant_id] = replace(person, present=False)


def people_of(events: Iterable[e.Event]) -> dict[str, Person]:
    """Return who is and was in a session by its facts, in the order in which they joined."""
    people: dict[str, Person] = {}
    for event in events:
        note(people, event)
    return people


def several(people: People) -> bool:
    """Return whether more than one person is or was there: then each utterance needs a name."""
    return len(people) > 1


def is_company(people: People, speaker_id: str) -> bool:
    """Return whether this person may be speaking to somebody else than the agent."""
    return any(person.present for person in people.values() if person.participant_id != speaker_id)


def name_of(people: People, participant_id: str) -> str:
    """Return a person's name, in one line; if two have the same name, the later one's has the id, too."""
    name = _called(people, participant_id)
    for other in people:
        if other == participant_id:
            break
        if _called(people, other).casefold() == name.casefold():
            return f"{name} ({participant_id})"
    return name


def names_of(people: People) -> tuple[str, ...]:
    """Return the names of all who are or were there, in the order in which they joined."""
    return tuple(name_of(people, participant_id) for participant_id in people)


def _called(people: People, participant_id: str) -> str:
    person = people.get(participant_id)
    known = (person.name, person.identity) if person is not None else ()
    shown = (" ".join("".join(c if c.isprintable() else " " for c in text).split()) for text in known)
    return next((text[:NAME_CHARS].rstrip() for text in shown if text), participant_id)


def known_name(people: People, participant_id: str) -> str:
    """Return a person's name, empty if they joined without one."""
    name = name_of(people, participant_id)
    return "" if name == participant_id else name


def user_of(people: People, participant_id: str, session_user: str) -> str:
    """Return the user whose memory a person's turns belong to; empty if it is unclear which of several they are."""
    person = people.get(participant_id)
    if person is not None and person.identity:
        return person.identity
    return "" if several(people) else session_user


def listed(names: Iterable[str]) -> str:
    """Return names as a text: `Sam, Kim and Ann`."""
    *first, last = list(dict.fromkeys(names)) or [""]
    return f"{', '.join(first)} and {last}" if first else last
