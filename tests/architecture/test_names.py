"""One name for one thing: a class name stands for one class."""

import re
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("actors", "bridge", "contracts", "infra", "projections")
PUBLIC_CLASS = re.compile(r"^class ([A-Za-z]\w*)", re.MULTILINE)

DIFFERENT_WORLDS = {
    "Answer": "what a guard says instead of an answer, whose name authors of agents write, and a form of POST /chat",
    "Drop": "what a guard says to words, whose name authors of agents write, and words that are not spoken",
    "Say": "what playback is told to do, and what a scripted model says, whose name authors of tests write",
    "Call": "the conversation that a door holds, and what is told of it to a tool, whose name authors of agents write",
    "SessionState": "what an actor or a door makes of a session's events: the same file and class in each",
    "Playback": "the state machine of playback, and an answer of the HTTP API, whose names are public",
}


def test_no_class_name_stands_for_two_things() -> None:
    places = defaultdict(list)
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            for name in PUBLIC_CLASS.findall(path.read_text()):
                places[name].append(path.relative_to(ROOT).as_posix())
    doubled = {name: files for name, files in places.items() if len(files) > 1}
    assert doubled.keys() == DIFFERENT_WORLDS.keys(), {
        name: files for name, files in doubled.items() if name not in DIFFERENT_WORLDS
    }
