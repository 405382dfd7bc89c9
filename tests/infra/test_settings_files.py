"""Settings and keys of providers from files, as orchestrators mount secrets."""

from pathlib import Path

import pytest

from infra.settings import BadSettings, Settings, misspelt, settings
from infra.settings_files import MOST_BYTES, named_by_file, read_files

PREFIX = "DAREDEVIL_"


def read(environment: dict[str, str], env_file: dict[str, str | None] | None = None) -> list[str]:
    return read_files(PREFIX, Settings.model_fields, environment, env_file or {})


@pytest.fixture
def key(tmp_path: Path) -> Path:
    file = tmp_path / "key"
    file.write_text("s3cret with spaces \n")
    return file


def test_a_file_takes_the_place_of_its_variable_without_the_newline_at_its_end(key: Path) -> None:
    environment = {"DAREDEVIL_ADMIN_KEY_FILE": str(key), "OPENAI_API_KEY_FILE": str(key), "OTHER_FILE": str(key)}
    assert read(environment) == []
    assert environment == {
        "DAREDEVIL_ADMIN_KEY": "s3cret with spaces ",
        "OPENAI_API_KEY": "s3cret with spaces ",
        "OTHER_FILE": str(key),
    }


def test_a_file_that_our_own_processes_write_is_no_file_with_a_setting(key: Path) -> None:
    environment = {"DAREDEVIL_PORT": "0", "DAREDEVIL_PORT_FILE": str(key)}
    assert read_files("DAREDEVIL_", ("port",), environment, {}) == []
    assert environment == {"DAREDEVIL_PORT": "0", "DAREDEVIL_PORT_FILE": str(key)}


def test_a_setting_whose_own_name_ends_so_is_still_a_path(key: Path) -> None:
    environment = {"DAREDEVIL_PULSAR_TLS_CA_FILE": str(key)}
    assert read(environment) == []
    assert environment == {"DAREDEVIL_PULSAR_TLS_CA_FILE": str(key)}
    assert named_by_file(PREFIX, Settings.model_fields, "daredevil_auth_file") == "DAREDEVIL_AUTH"


def test_a_line_of_the_env_file_counts_unless_the_environment_has_the_setting(key: Path) -> None:
    line = {"DAREDEVIL_ADMIN_KEY_FILE": str(key)}
    environment: dict[str, str] = {}
    assert read(environment, dict(line)) == []
    assert environment == {"DAREDEVIL_ADMIN_KEY": "s3cret with spaces "}
    for own in ("other", ""):  # empty: a process that is not to have the secret
        environment = {"DAREDEVIL_ADMIN_KEY": own}
        assert read(environment, dict(line)) == []
        assert environment == {"DAREDEVIL_ADMIN_KEY": own}


def test_both_forms_at_once_are_refused(key: Path) -> None:
    environment = {"DAREDEVIL_AUTH": "x", "DAREDEVIL_AUTH_FILE": str(key)}
    assert read(environment) == ["DAREDEVIL_AUTH and DAREDEVIL_AUTH_FILE are both set: remove one of them"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "there is no such file"),
        (b"", "is empty: write the value into it"),
        (b" \n\n", "is empty: write the value into it"),
        (b"\xff\xfe", "is not a text file"),
        (b"a\0b", "is not a text file"),
        (b"x" * (MOST_BYTES + 1), f"is larger than {MOST_BYTES} bytes: it is probably the wrong file"),
    ],
)
def test_a_file_without_a_value_is_refused_with_its_name(tmp_path: Path, content: bytes | None, said: str) -> None:
    file = tmp_path / "secret"
    if content is not None:
        file.write_bytes(content)
    environment = {"DAREDEVIL_LIVEKIT_API_SECRET_FILE": str(file)}
    assert read(environment) == [f"DAREDEVIL_LIVEKIT_API_SECRET_FILE={file}: {said}"]
    assert "DAREDEVIL_LIVEKIT_API_SECRET" not in environment


def test_a_folder_is_refused(tmp_path: Path) -> None:
    [problem] = read({"DAREDEVIL_AUTH_FILE": str(tmp_path)})
    assert problem == f"DAREDEVIL_AUTH_FILE={tmp_path}: cannot be read (Is a directory)"


def test_a_process_has_the_setting_and_refuses_a_bad_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DAREDEVIL_ADMIN_KEY", "")  # restored afterwards
    file = tmp_path / "admin"
    monkeypatch.setenv("DAREDEVIL_ADMIN_KEY_FILE", str(file))
    settings.cache_clear()
    try:
        with pytest.raises(BadSettings, match=r"DAREDEVIL_ADMIN_KEY_FILE=.*: there is no such file"):
            settings()
        file.write_text("0123456789abcdef0123456789abcdef\n")
        assert settings().admin_key == "0123456789abcdef0123456789abcdef"
    finally:
        settings.cache_clear()


def test_what_is_said_of_a_value_from_a_file_is_the_same_and_hides_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DAREDEVIL_AUTH", "")
    (tmp_path / "auth").write_text("too short")
    monkeypatch.setenv("DAREDEVIL_AUTH_FILE", "auth")
    settings.cache_clear()
    try:
        with pytest.raises(BadSettings, match="DAREDEVIL_AUTH: is a secret of under 32 bytes") as refused:
            settings()
        assert "too short" not in str(refused.value)
    finally:
        settings.cache_clear()


def test_such_variables_are_no_misspelt_settings_and_misspelt_ones_are_found(tmp_path: Path) -> None:
    given = {"DAREDEVIL_ADMIN_KEY_FILE": "x", "DAREDEVIL_ADMN_KEY_FILE": "x"}
    assert misspelt(given, tmp_path / "none") == [
        "DAREDEVIL_ADMN_KEY_FILE: no such setting; did you mean DAREDEVIL_ADMIN_KEY_FILE?"
    ]
