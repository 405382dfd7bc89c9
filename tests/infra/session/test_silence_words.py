"""The words for silences stand once: the page has a copy that is generated."""

from infra.session.silence_words import PAGE_FILE, for_page


def test_the_page_has_these_words() -> None:
    assert PAGE_FILE.read_text(encoding="utf-8") == for_page(), "run `make page-words`"
