"""Make the training examples for each task from the sources of the recipe, and hold some back for evaluation."""

import json
import lzma
import random
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from models.train.dictionary import entries, is_sentence, unambiguous
from models.train.hints import Hints, Pair
from models.train.quotes import requoted
from models.train.recipe import Source
from models.train.texts import DIGITS, beginning, covered, has_its_facts, is_damaged, is_translation, names
from models.train.tokens import Example, Mark

LEAST_COVERED = 0.6
YES, NO = "ja", "nein"
ENTAILMENT = ("premise", "hypothesis", "entailment")
PARAPHRASE = ("sentence1", "sentence2", "paraphrase")

Row = dict[str, Any]
Made = tuple[list[Example], list[Example]]
"""The examples to train on, and the held-back examples."""

_SPACED = re.compile(r" +([,.;:!?%)])")
_NUMBERED = re.compile(r"\s*\(?\bNr\. ?\d+\)?")


def read_pairs(data: Path, source: Source) -> Iterator[Pair]:
    """Yield the German and the English side of each line in the source's files in the folder ``data``.

    Runs of white space become single spaces.
    """
    for name in source.files:
        with lzma.open(data / name, "rt", encoding="utf-8") as lines:
            for line in lines:
                german, english = (" ".join(side.split()) for side in line.rstrip("\n").split("\t")[:2])
                if source.detokenise:
                    german, english = (_SPACED.sub(r"\1", side) for side in (german, english))
                yield german, english


def read_rows(data: Path, source: Source) -> Iterator[Row]:
    """Yield the JSON object in each line of the source's compressed files in the folder ``data``."""
    for name in source.files:
        with lzma.open(data / name, "rt", encoding="utf-8") as lines:
            yield from map(json.loads, lines)


def _split(source: Source, items: list[list[Example]]) -> Made:
    """Return the examples to train on and, separately, the examples of the first ``source.held_back`` items.

    Each item is a list of its examples.
    """
    held, kept = items[: source.held_back], items[source.held_back :]
    return [e for item in kept for e in item], [e for item in held for e in item]


def _direction(source: Source, german: str, english: str) -> Example:
    return Example((english, Mark("german")), german) if source.reverse else Example((german, Mark("english")), english)


def translation(source: Source, data: Path, rng: random.Random) -> Made:
    """Make translation examples, each of which consists of one sentence.

    If ``source.in_a_row`` is greater than 1, each example for training consists of several consecutive sentences
    instead.
    """
    pairs = [_requoted(pair, source.quotes, rng) for pair in read_pairs(data, source)]
    if source.in_a_row > 1:
        pairs = [*pairs[: source.held_back], *_rows(pairs[source.held_back :], source.in_a_row, rng)]
    return _split(
        source,
        [[_direction(source, *pair)] if is_translation(*pair, source.least_chars) else [] for pair in pairs],
    )


def _requoted(pair: Pair, share: float, rng: random.Random) -> Pair:
    """Return ``pair``. With the probability ``share``, its German side gets different quotation marks."""
    return (requoted(pair[0], rng), pair[1]) if share and rng.random() < share else pair


def _rows(pairs: list[Pair], most: int, rng: random.Random, joint: str = " ") -> Iterator[Pair]:
    start = 0
    while start < len(pairs):
        part = pairs[start : start + rng.randint(2, most)]
        yield joint.join(german for german, _ in part), joint.join(english for _, english in part)
        start += len(part)


def versions(source: Source, data: Path, rng: random.Random) -> Made:
    """Make translation examples from other German versions of sentences in parallel text.

    A group of versions that contains the German side of a pair in ``source.pairs`` shares the English side of that
    pair. The first ``source.held_back`` pairs are left out, as is the German side itself.
    """
    pairs = list(read_pairs(data, replace(source, files=source.pairs)))
    english = dict(pairs[source.held_back :])
    for german, _ in pairs[: source.held_back]:
        english.pop(german, None)
    made = []
    for _set, line, texts in _groups(source, data):
        shared = next((english[text] for text in texts if text in english), None)
        if shared is None or line < source.held_lines:
            continue
        others = [_requoted((text, shared), source.quotes, rng) for text in texts if text not in english]
        made += [_direction(source, *pair) for pair in others if is_translation(*pair, source.least_chars)]
    return made, []


def hinted(source: Source, data: Path, rng: random.Random) -> Made:
    """Make translation examples with glossary hints: some German nouns are followed by their English translation."""
    pairs = [_requoted(pair, source.quotes, rng) for pair in read_pairs(data, source)]
    hints = Hints(pairs)
    items = []
    for german, english in pairs:
        prompt = hints.prompt(german, english, rng) if is_translation(german, english) else None
        items.append([Example((*prompt, Mark("english")), english)] if prompt else [])
    return _split(source, items)


def dictionary(source: Source, data: Path, rng: random.Random) -> Made:
    """Make translation examples from the entries of a dictionary.

    If ``source.in_a_row`` is greater than 1, the examples consist of several words or phrases, separated by commas.
    Otherwise they are whole sentences.
    """
    lines = (line for name in source.files for line in (data / name).read_text("utf-8").splitlines())
    found = entries(lines)
    if source.in_a_row == 1:
        pairs = [pair for pair in found if is_sentence(pair) and is_translation(*pair, source.least_chars)]
    else:
        words = list(unambiguous(pair for pair in found if not is_sentence(pair)))
        rng.shuffle(words)
        pairs = list(_rows(words, source.in_a_row, rng, ", "))
    return _split(source, [[_direction(source, *_requoted(pair, source.quotes, rng))] for pair in pairs])


def headline(source: Source, data: Path, _: random.Random) -> Made:
    """Make examples in which a headline is written from the first sentences of a text.

    These sentences must contain all numbers in the headline. Unless they come from a lead (the introduction of an
    article), they must also contain most of the words in the headline.
    """
    items = []
    for row in read_rows(data, source):
        if source.split and row["split"] != source.split:
            continue
        lines = [" ".join(line.split()) for line in row[source.source].splitlines()]
        text = beginning(" ".join(line for line in lines if len(line) >= 40))
        title = _NUMBERED.sub("", " ".join(row[source.target].split()))
        fits = 15 <= len(title) <= 110 and len(title) < 0.7 * len(text) and has_its_facts(text, title)
        close = source.source == "lead" or covered(text, title) >= LEAST_COVERED
        items.append([Example((text, Mark("headline")), title)] if fits and close else [])
    return _split(source, items)


def _versions(source: Source, data: Path, mark: str, *, is_held: Callable[[Row], bool]) -> Made:
    kept: list[Example] = []
    held: list[Example] = []
    for row in read_rows(data, source):
        one, other = row[source.source], row[source.target]
        if one != other and has_its_facts(one, other) and not is_damaged(other):
            (held if is_held(row) else kept).append(Example((one, Mark(mark)), other))
    return kept, held


def shorten(source: Source, data: Path, _: random.Random) -> Made:
    """Make examples whose target is a shorter version of the sentence in the prompt."""
    return _versions(source, data, "shorten", is_held=lambda row: row["line"] < source.held_lines)


def fuse(source: Source, data: Path, _: random.Random) -> Made:
    """Make examples whose target is a single sentence with the same content as the sentences in the prompt."""
    return _versions(source, data, "fuse", is_held=lambda row: row["line"] < source.held_lines)


def simplify(source: Source, data: Path, _: random.Random) -> Made:
    """Make examples whose target is a simpler version of the sentence in the prompt.

    The first ``source.held_back`` examples are held back.
    """
    kept, _held = _versions(source, data, "simplify", is_held=lambda _: False)
    return kept[source.held_back :], kept[: source.held_back]


def _groups(source: Source, data: Path) -> Iterator[tuple[str, int, list[str]]]:
    for row in read_rows(data, source):
        texts = [variant if isinstance(variant, str) else variant["text"] for variant in row["variants"]]
        texts = [text for text in texts if len(text) >= source.least_chars and not is_damaged(text)]
        yield row.get("set", ""), row.get("line", 10**9), texts


def paraphrase(source: Source, data: Path, _: random.Random) -> Made:
    """Make examples whose target is another version of the sentence in the prompt.

    The two versions must contain the same numbers and acronyms and have similar lengths.
    """
    kept: list[Example] = []
    held: list[Example] = []
    for _set, line, texts in _groups(source, data):
        for one in texts:
            for other in texts:
                fits = names(one) == names(other) and len(one) < 1.5 * len(other) < 2 * len(one)
                if one != other and fits:
                    (held if line < source.held_lines else kept).append(Example((one, Mark("reword")), other))
    return kept, held


def _verdict(premise: str, hypothesis: str, *, follows: bool) -> Example:
    return Example((premise, Mark("entail"), hypothesis, Mark("verdict")), YES if follows else NO)


def entail(source: Source, data: Path, _: random.Random) -> Made:
    """Make entailment examples from human judgements.

    The training examples contain equal numbers of both verdicts. The examples in the split ``source.held_split`` are
    held back.
    """
    kept: list[Example] = []
    held: list[Example] = []
    for row in read_rows(data, source):
        one, other, verdict = ENTAILMENT if "entailment" in row else PARAPHRASE
        if row["split"] in {source.split, source.held_split}:
            made = _verdict(row[one], row[other], follows=row[verdict])
            (kept if row["split"] == source.split else held).append(made)
    return _balanced(kept), held


def _balanced(examples: list[Example]) -> list[Example]:
    by_verdict = defaultdict(list)
    for example in examples:
        by_verdict[example.target].append(example)
    fewest = min(map(len, by_verdict.values()))
    return [example for part in by_verdict.values() for example in part[:fewest]]


def neighbours(source: Source, data: Path, rng: random.Random) -> Made:
    """Make entailment examples from groups of versions of the same sentence.

    In a positive example, one version follows from another. In a negative example, the version that should follow has a
    changed number or, if it contains no number, is replaced by a version of the next sentence.
    """
    kept: list[Example] = []
    held: list[Example] = []
    groups = [(where, line, texts) for where, line, texts in _groups(source, data) if len(texts) >= 2]
    for (where, line, texts), (near, _, others) in zip(groups, [*groups[1:], groups[0]], strict=True):
        one, other = rng.sample(texts, 2)
        if names(one) != names(other):
            continue
        wrong = _renumbered(other, rng) if DIGITS.search(other) else others[0] if near == where else None
        if wrong is None:
            continue
        verdicts = (_verdict(one, other, follows=True), _verdict(one, wrong, follows=False))
        (held if line < source.held_lines else kept).extend(verdicts)
    return kept, held


def _renumbered(text: str, rng: random.Random) -> str:
    """Return ``text`` with one randomly chosen number changed."""
    number = rng.choice(list(DIGITS.finditer(text)))
    other = str(max(0, int(number[0]) + rng.choice((-10, -2, -1, 1, 2, 10))))
    if other == number[0]:
        other += "0"
    return text[: number.start()] + other + text[number.end() :]


KINDS: dict[str, Callable[[Source, Path, random.Random], Made]] = {
    "translation": translation,
    "versions": versions,
    "hinted": hinted,
    "dictionary": dictionary,
    "headline": headline,
    "shorten": shorten,
    "fuse": fuse,
    "simplify": simplify,
    "paraphrase": paraphrase,
    "entail": entail,
    "neighbours": neighbours,
}


def make(source: Source, data: Path, seed: int) -> Made:
    """Make the examples from one source in the folder ``data``. The same seed always results in the same examples.

    Raises:
        KeyError: `KINDS` does not contain the kind of the source.
        FileNotFoundError: a file of the source is missing.
    """
    return KINDS[source.kind](source, data, random.Random(f"{seed} {source.name}"))


def without_repeats(examples: Iterable[Example]) -> list[Example]:
    """Return the examples in order, without duplicates."""
    return list(dict.fromkeys(examples))
