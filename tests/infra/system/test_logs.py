from pathlib import Path

from infra.system.logs import LogTail, is_loud, last_lines


def test_warnings_and_what_belongs_to_them_are_shown(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    log.write_text("12:00:00 ERROR   old: from an earlier run\n")
    tail = LogTail(log)
    with log.open("a") as file:
        file.write("12:00:01 INFO    a: fine\n12:00:02 WARNING a: careful\nTraceback …\n12:00:03 INFO    a: fine\nno")
    assert tail.loud_lines() == ["12:00:02 WARNING a: careful", "Traceback …"]
    assert tail.loud_lines() == []


def test_a_log_that_grows_is_started_again_under_its_writer(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    with log.open("ab", buffering=0) as writer:
        tail = LogTail(log)
        writer.write(b"12:00:00 WARNING a: first\n" * 10)
        tail.keep_small(100)
        assert log.stat().st_size == 260, "what was not read yet stays"
        assert len(tail.loud_lines()) == 10
        tail.keep_small(1000)
        assert log.stat().st_size == 260
        tail.keep_small(100)
        assert (log.stat().st_size, (tmp_path / "a.log.1").stat().st_size) == (0, 260)
        writer.write(b"12:00:01 WARNING a: second\n")
        assert log.stat().st_size == 27, "it is written on from the beginning"
        assert tail.loud_lines() == ["12:00:01 WARNING a: second"]


def test_every_process_s_own_way_to_say_how_bad_it_is() -> None:
    assert is_loud('{"time": "x", "level": "ERROR", "message": "m"}', before=False)
    assert is_loud("[77] 2026/11/22 19:37:51.803 [ERR] no space left", before=False)
    assert not is_loud("[77] 2026/11/22 19:37:51.803 [INF] Server is ready", before=True)
    assert not is_loud("llama: something", before=False)


def test_that_our_own_server_has_passwords_is_no_warning() -> None:
    warned = "[20433] 2026/11/30 08:55:40.180827 [WRN] {}"
    assert not is_loud(warned.format("Plaintext passwords detected, use nkeys or bcrypt"), False)
    assert is_loud(warned.format("Slow consumer"), False)


def test_the_end_of_a_log_is_short(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_text("\n".join(map(str, range(100))))
    assert last_lines(tmp_path / "a.log", 2) == "98\n99"
    assert last_lines(tmp_path / "none.log") == ""
