"""The model of voice activity, loaded once."""

import pytest

from infra.engines.vad import SileroVad


@pytest.fixture(scope="package")
def vad() -> SileroVad:
    return SileroVad()
