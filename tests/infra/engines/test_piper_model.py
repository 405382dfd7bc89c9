"""The files of voices: with what they say about time, and cut in two."""

import pytest

from infra.engines.onnx_halves import CannotCut
from infra.engines.piper_model import durations_in, halves, with_duration_output


def test_a_model_without_durations_is_left_as_it_is() -> None:
    assert with_duration_output(b"no such node") == b"no such node"
    assert durations_in(b"no such node") == ""


@pytest.mark.parametrize("model", [b"", b"no model", b"\x3a\x05abc", b"\x3a\x00"])
def test_what_is_no_voice_model_cannot_be_cut(model: bytes) -> None:
    with pytest.raises(CannotCut):
        halves(model)
