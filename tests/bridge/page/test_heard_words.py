"""The page decides which words sound by the same rule as the doors: both take the same cases."""

import math
import random
from typing import Any

import pytest
from playwright.async_api import Page

from infra.session.heard_words import placed
from tests.bridge.page.browser import needs_chromium
from tests.heard_word_cases import CASES, clauses_of, placed_words

pytestmark = [needs_chromium, pytest.mark.asyncio(loop_scope="package")]

RATE_HZ = 24_000
PLACED = """
async ([replies, rate]) => {
  const { placed } = await import("./heard-words.js");
  const edge = (sample) => (Number.isFinite(sample) ? sample : null);
  return replies.map((clauses) =>
    placed(clauses, rate).map(({ words }) => words.map(({ text, first, end }) => [text, edge(first), edge(end)])),
  );
}
"""


Words = list[list[tuple[str, float, float]]]


async def placed_by_page(page: Page, replies: list[list[dict[str, Any]]]) -> list[Words]:
    return [placed_words(reply) for reply in await page.evaluate(PLACED, [replies, RATE_HZ])]


async def test_the_page_places_the_words_of_every_case_as_python_does(still: Page) -> None:
    assert await placed_by_page(still, [case.raw_clauses for case in CASES]) == [case.words for case in CASES]


async def test_the_page_places_the_words_of_any_reply_as_python_does(still: Page) -> None:
    made = random.Random(7)
    replies = [a_reply(made) for _ in range(300)]
    ours = [
        [[(word.text.strip(), word.first_sample, word.end_sample) for word in clause.words] for clause in each]
        for each in (placed(clauses_of(reply), RATE_HZ) for reply in replies)
    ]
    theirs = await placed_by_page(still, replies)
    for reply, own, page in zip(replies, ours, theirs, strict=True):
        assert is_same(own, page), reply


def is_same(one: Words, other: Words) -> bool:
    """Whether words and places are the same, but for what floats leave of a sample."""
    flat, flat_other = ([word for clause in words for word in clause] for words in (one, other))
    return len(flat) == len(flat_other) and all(
        text == text_other and all(x == y or math.isclose(x, y) for x, y in zip(edges, edges_other, strict=True))
        for (text, *edges), (text_other, *edges_other) in zip(flat, flat_other, strict=True)
    )


def a_reply(made: random.Random) -> list[dict[str, Any]]:
    clauses = []
    for _ in range(made.randrange(1, 5)):
        words = ["".join(made.choices("abc,.é😀", k=made.randrange(1, 7))) for _ in range(made.randrange(6))]
        spaces = made.choices([" ", "\n", "\u00a0", "\u3000", "\x85"], k=len(words) + 1)
        text = "".join(space + word for space, word in zip(spaces, words, strict=False)) + made.choice(["", spaces[-1]])
        total = made.choice([None, made.randrange(2_000)])
        sent = made.choice([None, total, made.randrange(2_000)])
        ends = sorted(made.randrange(2_500) for _ in words) if made.random() < 0.5 else []
        clauses.append({"text": text, "sent": sent, "total": total, "wordEnds": ends})
    return clauses
