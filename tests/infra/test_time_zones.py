import pytest

from infra.settings import BadSettings, settings
from infra.time_zones import checked_zone


@pytest.mark.parametrize("name", ["", "Europe/Berlin", "UTC", " Asia/Kolkata "])
def test_names_of_zones_are_taken(name: str) -> None:
    assert checked_zone(name) == name.strip()


@pytest.mark.parametrize("name", ["Mars/Olympus", "../../etc/passwd", "/etc/localtime", "x" * 300, "A\0B", "Europe"])
def test_others_are_refused_with_what_to_write(name: str) -> None:
    with pytest.raises(ValueError, match="IANA name"):
        checked_zone(name)


def test_a_misspelt_one_is_guessed() -> None:
    with pytest.raises(ValueError, match="did you mean Europe/Berlin"):
        checked_zone("Europe/Berln")


def test_the_setting_is_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAREDEVIL_TIME_ZONE", "Nowhere")
    settings.cache_clear()
    with pytest.raises(BadSettings, match="DAREDEVIL_TIME_ZONE=Nowhere: no time zone is called"):
        settings()
    settings.cache_clear()
