"""What the tape keeps of a request."""

from infra.tape.deliveries import digest_of


def test_a_request_with_other_words_has_another_digest() -> None:
    assert digest_of("What time is it?") == digest_of("What time is it?")
    assert digest_of("What time is it?") != digest_of("What time was it?")


def test_the_digest_of_a_map_tells_which_part_differs() -> None:
    then = digest_of({"model": "local", "options": {"top_k": 1}})
    now = digest_of({"model": "local", "options": {"top_k": 2}})
    assert {key for key in then if then[key] != now[key]} == {"options"}


def test_a_digest_does_not_contain_the_words() -> None:
    assert b"sam" not in digest_of({"who": "sam"})["who"]
