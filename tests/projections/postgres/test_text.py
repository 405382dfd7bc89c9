import json

from hypothesis import given
from hypothesis import strategies as st

from projections.postgres.text import said, stored, stored_json

TEXT = st.text(alphabet=st.one_of(st.sampled_from('\0\u241b\u2400\\u0a"'), st.characters(exclude_categories=["Cs"])))


@given(TEXT)
def test_every_text_comes_back_as_it_was_said_and_has_no_nul_in_between(text: str) -> None:
    assert "\0" not in stored(text)
    assert said(stored(text)) == text


@given(TEXT)
def test_so_does_every_text_in_json(text: str) -> None:
    document = {"said": text, "by text": {text: [text, {"n": 1.5}]}}
    kept = stored_json(json.dumps(document))
    assert "\\u0000" not in kept.replace("\\\\", "")
    parsed = json.loads(kept)
    assert said(parsed["said"]) == text
    assert [said(key) for key in parsed["by text"]] == [text]


def test_ordinary_text_is_stored_as_it_is() -> None:
    assert stored("Grüße, 🦉 ␀ \\ %s") == "Grüße, 🦉 ␀ \\ %s"
    assert stored("a\0b␛c") == "a␛␀b␛␛c"
    assert stored(None) is None
