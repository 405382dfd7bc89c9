"""Ages as options take them."""

import pytest

from infra.cli.ages import age_s


def test_ages_are_minutes_hours_or_days() -> None:
    assert [age_s(text) for text in ("30m", "1.5h", " 2 d ")] == [1_800, 5_400, 172_800]


@pytest.mark.parametrize("text", ["", "2", "1w", "-1h", "nan h", f"{'9' * 400}d"])
def test_what_is_no_age_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="give an age such as 2d, 12h or 30m"):
        age_s(text, "--log")
