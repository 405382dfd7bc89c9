// Where each word of a reply sounds: the same rule as infra/session/heard_words.py. No page, no sound here.
// The cases of tests/data/heard_words.json are run through both.

export const LETTERS_PER_S = 15; // pace of a voice of which nothing is known, with spaces

const SPACE = "\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000"; // what Python calls white space
const WORD = new RegExp(`([${SPACE}]*)([^${SPACE}]+)([${SPACE}]*$)?`, "g");

// The words of a text, each with the white space before it, and `end`: letters up to its end from the first word on.
export function split(text) {
  let end = 0;
  return [...(text ?? "").matchAll(WORD)].map(([, space, word], at) => {
    end += (at ? [...space].length : 0) + [...word].length;
    return { text: word, space, end };
  });
}

// Receives a reply's clauses in order, as { text, sent, total, wordEnds }, in samples at `rate` Hz. `total` is null while
// that is not known, `sent` null where it is not known how much of it is played. Returns for each { first, words }, and
// of each word { text, space, first, end }: samples from the reply's start, Infinity for what does not sound.
export function placed(clauses, rate) {
  const known = clauses.map((clause) => ({ ...clause, words: split(clause.text) }));
  const pace = samplesPerLetter(known, rate);
  let begin = 0;
  return known.map(({ sent, total, wordEnds, words }) => {
    const within = sent ?? total ?? Infinity;
    const ends = wordEnds.length === words.length ? wordEnds : endsByLetters(words, total, pace);
    let start = 0;
    const places = words.map(({ text, space }, at) => {
      // A word without a sound of its own counts with the clause's first sample; none ends after the clause.
      const end = Math.min(Math.max(start, ends[at], 1), total ?? Infinity);
      const isEnded = end > 0 && end <= within;
      const first = isEnded || start < within ? begin + start : Infinity;
      const place = { text, space, first, end: isEnded ? begin + end : Infinity };
      start = end;
      return place;
    });
    const first = within > 0 ? begin : Infinity;
    begin += within;
    return { first, words: places };
  });
}

function endsByLetters(words, total, pace) {
  const all = words.at(-1)?.end;
  if (total !== null) return words.map(({ end }) => (end * total) / all);
  return words.map(({ end }) => (end < all ? end * pace : Infinity)); // the last has not ended: more sound was to come
}

function samplesPerLetter(clauses, rate) {
  const known = clauses.filter(({ total, words }) => total > 0 && words.length > 0);
  const letters = known.reduce((sum, { words }) => sum + words.at(-1).end, 0);
  return letters ? known.reduce((sum, { total }) => sum + total, 0) / letters : Math.max(rate, 1) / LETTERS_PER_S;
}
