"""Secrets with which a client goes on with its session."""

import pytest

from bridge.web.resume_tokens import digest, matches, new_token


def test_only_the_token_itself_matches_its_digest() -> None:
    token, other = new_token(), new_token()
    assert token != other
    assert matches(token, digest(token))
    assert not matches(other, digest(token))
    assert token not in digest(token)


@pytest.mark.parametrize("token", ["", "x", "x" * 10_000, "\ud800", "ü"])
def test_what_is_no_token_matches_nothing(token: str) -> None:
    assert not matches(token, digest(new_token()))


def test_the_digest_is_not_the_token() -> None:
    token = new_token()
    assert not matches(digest(token), digest(token))


def test_a_session_without_a_digest_has_no_token() -> None:
    assert not matches("", "")
    assert not matches(new_token(), "")
