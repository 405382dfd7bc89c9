"""Writes `asyncapi.yaml` from the code: `python -m contracts.asyncapi.document` (`make asyncapi`).

Channels and messages are named after events and rows of the topology, operations after who does what. Nothing is
written twice: the subjects, who sends to them and who receives from them all come from `contracts.topology`.
"""

from importlib.metadata import version
from pathlib import Path
from typing import Any

import yaml

from contracts.asyncapi.answers import other_messages, other_schemas
from contracts.asyncapi.chat import chat_messages, chat_schemas
from contracts.asyncapi.facts import fact_channels, fact_headers, fact_messages, fact_operations
from contracts.asyncapi.parts import Node
from contracts.asyncapi.rows import jetstream, row_channels, row_operations
from contracts.asyncapi.schemas import event_schemas
from contracts.asyncapi.sound import sound_messages, sound_schemas
from contracts.codec import CONTENT_TYPE

PATH = Path(__file__).parents[2] / "asyncapi.yaml"
HOW_TO_READ = PATH.parent / "docs" / "reading-the-log.md"


def document() -> Node:
    """Return the whole AsyncAPI 3.0.0 document."""
    schemas = event_schemas()
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Daredevil",
            "version": version("daredevil"),
            "description": HOW_TO_READ.read_text() if HOW_TO_READ.is_file() else "See the project's documentation.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": CONTENT_TYPE,
        "servers": {
            "nats": {
                "host": "127.0.0.1:4222",
                "protocol": "nats",
                "title": "NATS with JetStream",
                "description": "NATS with JetStream: embedded on a free port, or the one of DAREDEVIL_NATS_URL.",
                "x-jetstream": jetstream(),
            }
        },
        "channels": {**fact_channels(), **row_channels()},
        "operations": {**fact_operations(), **row_operations()},
        "components": {
            "messages": {**fact_messages(schemas), **sound_messages(), **chat_messages(), **other_messages(schemas)},
            "schemas": {**schemas, **fact_headers(), **sound_schemas(), **chat_schemas(), **other_schemas()},
        },
    }


class _Plain(yaml.SafeDumper):
    """Writes no anchors and aliases: readers and some tools do not resolve them."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def text() -> str:
    """Return the document as YAML."""
    head = "# Written by `make asyncapi` from contracts/; a test fails when it is out of date.\n"
    return head + yaml.dump(document(), Dumper=_Plain, sort_keys=False, width=110, allow_unicode=True)


if __name__ == "__main__":
    PATH.write_text(text())
    print(f"wrote {PATH.name}")
