"""Hypothesis strategies for events and frames."""

from functools import cache
from typing import Any

from hypothesis import strategies as st

from contracts.audio import InFrame, OutFrame
from contracts.events import Event
from contracts.ids import ID_PATTERN

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
IDS = st.sampled_from(["a", "session-1", "20261122-183015-9f2c1ab4", "x" * 64])
COUNTS = st.integers(min_value=0, max_value=2**63 - 1)
PCM = st.binary(max_size=400).map(lambda data: data[: len(data) // 2 * 2])


@cache
def events_of(event_class: type[Event]) -> st.SearchStrategy[Event]:
    """Return events of the class with any values that its JSON schema allows, as it and older versions write them."""
    schema = event_class.model_json_schema()
    schema["properties"]["schema_version"]["maximum"] = event_class.SCHEMA_VERSION
    return _object(schema, schema.get("$defs", {})).map(event_class.model_validate)


def _object(schema: dict[str, Any], definitions: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    required = set(schema.get("required", ()))
    fields = {name: _field(part, definitions) for name, part in schema["properties"].items()}
    needed = {name: strategy for name, strategy in fields.items() if name in required}
    optional = {name: strategy for name, strategy in fields.items() if name not in required}
    return st.fixed_dictionaries(needed, optional=optional)


def _field(schema: dict[str, Any], definitions: dict[str, Any]) -> st.SearchStrategy[Any]:
    if "$ref" in schema:
        return _object(definitions[schema["$ref"].rsplit("/", 1)[1]], definitions)
    if "anyOf" in schema:
        return st.one_of([_field(part, definitions) for part in schema["anyOf"]])
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    if schema["type"] == "object":
        return st.dictionaries(TEXT, _field(schema["additionalProperties"], definitions), max_size=3)
    if schema["type"] == "array":
        return st.lists(_field(schema["items"], definitions), max_size=3)
    return _scalar(schema)


def _scalar(schema: dict[str, Any]) -> st.SearchStrategy[Any]:
    least, most = schema.get("minimum", schema.get("exclusiveMinimum")), schema.get("maximum")
    match schema["type"]:
        case "string" if schema.get("pattern") == ID_PATTERN:
            return IDS
        case "string" if "pattern" in schema:
            return st.from_regex(schema["pattern"].replace("$", r"\Z"))
        case "string" if "base64" in schema.get("format", ""):
            return st.binary(max_size=20)
        case "string":
            text = TEXT.map(lambda text: text or "a") if schema.get("minLength") else TEXT
            return text.map(lambda text: text[: schema.get("maxLength")])
        case "integer":
            return st.integers(int(least or 0) + ("exclusiveMinimum" in schema), int(most or 2**63 - 1))
        case "number":
            return st.floats(least, most, allow_nan=False, allow_infinity=False)
        case "boolean":
            return st.booleans()
        case "null":
            return st.none()
    raise NotImplementedError(schema)


IN_FRAMES = st.builds(InFrame, TEXT, COUNTS, COUNTS, PCM)
OUT_FRAMES = st.builds(
    OutFrame,
    reply_id=TEXT,
    index=COUNTS,
    first_sample=COUNTS,
    sample_rate_hz=st.integers(1, 192_000),
    pcm=PCM,
    last=st.booleans(),
    word_end_samples=st.lists(COUNTS, max_size=20).map(tuple),
)
