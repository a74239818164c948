"""Training pairs of the summariser: groups of source sentences, and the one shorter sentence that rewrites each."""

import random
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from models.train.articles import Article, Paragraph, Split, read_encyclopaedia, read_news
from models.train.compress import compress
from models.train.corpus import Pair
from models.train.fuse import fuse
from models.train.german import ARTICLES, PREPOSITIONS, content_stems, dangles
from models.train.leads import Index, supported_share, unsupported_facts

SOURCE_CHARS = 400
MIN_WORDS, MAX_WORDS = 8, 35
# Alignments need every article of the encyclopaedia; its own text gives more than enough pairs in this share.
_TEXT_SHARE = 0.8
# Words picked from many sentences make another statement; so one sentence must hold the most of a target.
_LEAST_IN_ONE = 0.6
# How many pairs of a kind a pass holds at most, and how often each is repeated.
MIX: dict[str, tuple[int, int]] = {
    "news alignment": (20_000, 8),
    "lead alignment": (20_000, 3),
    "simple alignment": (20_000, 3),
    "fusion": (12_000, 3),
    "news compression": (20_000, 4),
    "news gap": (20_000, 3),
    "compression": (55_000, 1),
    "gap": (30_000, 1),
    "noise": (8_000, 1),
}


@dataclass(frozen=True)
class Found:
    """A pair that may be used, its kind, or the reason why it is left out."""

    kind: str
    pair: Pair
    refusal: str | None = None


def _fits(target: str) -> bool:
    return MIN_WORDS <= len(target.split()) <= MAX_WORDS


def windows(paragraph: Paragraph, rng: random.Random) -> Iterator[Paragraph]:
    """Cut a paragraph into windows of two to four sentences of at most ``SOURCE_CHARS`` in sum."""
    start = 0
    while start < len(paragraph) - 1:
        size = rng.choice((2, 3, 3, 3, 4))
        window = paragraph[start : start + size]
        while len(" ".join(window)) > SOURCE_CHARS and len(window) > 1:
            window = window[:-1]
        if len(window) > 1:
            yield window
        start += max(1, len(window))


def principal(window: Sequence[str]) -> int | None:
    """Number of the sentence with the highest ROUGE-1 F against the others (content stems); none that dangles."""
    bags = [Counter(content_stems(sentence)) for sentence in window]
    scores = {}
    for number, bag in enumerate(bags):
        others = sum((other for n, other in enumerate(bags) if n != number), Counter())
        shared = (bag & others).total()
        if not dangles(window[number]):
            scores[number] = 2 * shared / max(1, bag.total() + others.total()) + (0.05 if number == 0 else 0.0)
    best = max(scores, key=lambda number: scores[number], default=None)
    return best if best is not None and scores[best] > 0.08 else None


def gap(window: Sequence[str], rng: random.Random) -> Found | None:
    """Target: the principal sentence, shortened where rules can; the source lacks it where the rest supports it."""
    best = principal(window)
    if best is None:
        return None
    target = compress(window[best]) or window[best]
    if not _fits(target):
        return Found("gap", ("", ""), "length")
    rest = " ".join(sentence for number, sentence in enumerate(window) if number != best)
    if rng.random() < 0.5 and _is_supported(target, rest, least=0.7):
        return Found("gap", (rest, target))
    return Found("gap", (" ".join(window), target))


def _is_supported(target: str, source: str, *, least: float) -> bool:
    """Whether ``source`` has the numbers of ``target``, nearly all its nouns and names, and ``least`` of its stems."""
    missing_numbers, missing_nouns = unsupported_facts(target, source)
    slack = 1 if len(target.split()) >= 15 else 0
    return not missing_numbers and missing_nouns <= slack and supported_share(target, source) >= least


def compression(paragraph: Paragraph, number: int, rng: random.Random) -> Found | None:
    """Target: one sentence shortened; source: it alone, or with those that follow it."""
    sentence = paragraph[number]
    target = compress(sentence)
    if target is None:
        return None
    if not _fits(target):
        return Found("compression", ("", ""), "length")
    source = [sentence]
    more = 0 if dangles(sentence) else rng.choice((0, 0, 1, 1, 2))
    for following in paragraph[number + 1 : number + 1 + more]:
        if len(" ".join(source)) + len(following) < SOURCE_CHARS and (dangles(following) or rng.random() < 0.4):
            source.append(following)
    if len(" ".join(source)) > SOURCE_CHARS:
        return Found("compression", ("", ""), "length")
    return Found("compression", (" ".join(source), target))


def alignments(kind: str, targets: Iterable[str], source: Sequence[str]) -> Iterator[Found]:
    """Targets that sum up, each with the one to three sentences of ``source`` that support it best."""
    index = Index(source)
    for target in targets:
        if not _fits(target) or dangles(target):
            continue
        chosen = index.cover(target, 3, SOURCE_CHARS)
        text = " ".join(source[number] for number in chosen)
        if not chosen or text == target:
            yield Found(kind, ("", ""), "no source" if not chosen else "copy")
        elif not _is_supported(target, text, least=0.7 if kind == "news alignment" else 0.85):
            yield Found(kind, ("", ""), "unsupported")
        elif max(supported_share(target, source[number]) for number in chosen) < _LEAST_IN_ONE:
            yield Found(kind, ("", ""), "scattered")
        else:
            yield Found(kind, (text, target))


def noise(sentence: str, other: str, rng: random.Random) -> Found:
    """Source: the sentence without some function words, with neighbours swapped and words of ``other`` strewn in.

    No content word is taken away: the target must not hold what its source does not.
    """
    tokens = [word for word in sentence.split() if word not in ARTICLES | PREPOSITIONS or rng.random() > 0.3]
    for at in range(len(tokens) - 1):
        if rng.random() < 0.12:
            tokens[at], tokens[at + 1] = tokens[at + 1], tokens[at]
    for word in rng.sample(other.split(), min(3, len(other.split()))):
        tokens.insert(rng.randrange(len(tokens)), word)
    return Found("noise", (" ".join(tokens), sentence))


def from_article(article: Article, prefix: str, rng: random.Random) -> Iterator[Found]:
    """Every pair that an article's own text gives; ``prefix`` goes before the kind's name."""
    for paragraph in (*article.opening, *article.body):
        for number in range(len(paragraph)):
            yield from _named(compression(paragraph, number, rng), prefix)
        for window in windows(paragraph, rng):
            yield from _named(gap(window, rng), prefix)
        for first, second in pairwise(paragraph):
            fused = fuse(first, second)
            if fused and _fits(fused):
                yield Found("fusion", (f"{first} {second}", fused))
        if len(paragraph) > 1 and rng.random() < 0.2 and _fits(paragraph[0]):
            yield noise(paragraph[0], paragraph[1], rng)


def _named(found: Found | None, prefix: str) -> Iterator[Found]:
    if found is not None:
        yield Found(prefix + found.kind, found.pair, found.refusal)


def _flat(paragraphs: Iterable[Paragraph]) -> list[str]:
    return [sentence for paragraph in paragraphs for sentence in paragraph]


def find(data: Path, split: Split, *, seed: int, sample: float) -> Iterator[Found]:
    """Pairs of both data sets; ``sample`` takes that share of the encyclopaedia's articles."""
    rng = random.Random(f"{seed} {split}")
    for article in read_news(data, split):
        yield from alignments("news alignment", _flat(article.opening), _flat(article.body))
        yield from from_article(article, "news ", rng)
    for article in read_encyclopaedia(data, split, sample, rng):
        opening, body = _flat(article.opening), _flat(article.body)
        yield from alignments("lead alignment", opening, body)
        yield from alignments("simple alignment", _flat(article.retelling), opening + body)
        if rng.random() < _TEXT_SHARE:
            yield from from_article(article, "", rng)


Report = dict[str, Counter[str]]


def gather(found: Iterable[Found], reports: Report) -> dict[str, list[Pair]]:
    """Sort pairs by kind; a target is used once a kind. ``reports`` counts what was kept and why the rest was not."""
    kept: defaultdict[str, list[Pair]] = defaultdict(list)
    seen: set[tuple[str, str]] = set()
    for each in found:
        refusal = each.refusal
        key = (each.kind, each.pair[1].casefold())
        if refusal is None and key in seen:
            refusal = "duplicate"
        reports.setdefault(each.kind, Counter())[refusal or "kept"] += 1
        if refusal is None:
            seen.add(key)
            kept[each.kind].append(each.pair)
    return kept


def build(
    data: Path, *, seed: int, sample: float, say: Callable[[str], None], held_back: int = 400
) -> tuple[list[Pair], list[Pair]]:
    """Return (training pairs, development pairs), the same for a seed; says what was kept and left out, by kind."""
    rng = random.Random(seed)
    reports: Report = {}
    train: list[Pair] = []
    for kind, pairs in sorted(gather(find(data, "train", seed=seed, sample=sample), reports).items()):
        most, times = MIX[kind]
        used = rng.sample(pairs, min(most, len(pairs)))
        train += used * times
        say(f"{kind}: {dict(reports[kind].most_common())}, used {len(used)} x {times}")
    rng.shuffle(train)
    dev = gather(find(data, "dev", seed=seed, sample=0.2 * sample), {})
    kinds = ("news alignment", "lead alignment", "simple alignment", "news compression", "news gap")
    held = [pair for kind in kinds for pair in dev.get(kind, [])[:150]]
    return train, held[:held_back]
