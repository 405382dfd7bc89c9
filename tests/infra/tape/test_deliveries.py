"""What the tape keeps of a request."""

from infra.tape.deliveries import digest_of


def test_a_request_with_other_words_has_another_digest() -> None:
    assert digest_of("What time is it?") == digest_of("What time is it?")
    assert digest_of("What time is it?") != digest_of("What time was it?")


def test_the_digest_of_a_map_shows_which_part_differs() -> None:
    then = digest_of({"model": "local", "options": {"top_k": 1}})
    now = digest_of({"model": "local", "options": {"top_k": 2}})
    assert {key for key in then if then[key] != now[key]} == {"options"}


def test_a_digest_does_not_contain_the_words() -> None:
    assert b"sam" not in digest_of({"who": "sam"})["who"]


def test_digests_differ_when_requests_do_and_not_by_the_order_of_a_map() -> None:
    assert digest_of({"a": 1, "b": [1, {"d": 1, "c": 2}]}) == digest_of({"b": (1, {"c": 2, "d": 1}), "a": 1})
    requests: list[object] = [[1], ["1"], [1.0], [True], [], [{"a": 1}], [{"a": 2}], [[1]], None, b"1"]
    assert len({digest_of(request) for request in requests}) == len(requests)
