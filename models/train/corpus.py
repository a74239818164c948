"""Parallel text: reads the sources, filters them, mixes them by weight, and holds a development slice back."""

import lzma
import random
import re
import tomllib
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path

from models.train.augment import MAX_CHARS, Augmentation, augmented

MAX_RATIO = 2.2
_MARKUP = re.compile(r"<[a-zA-Z/!][^>]*>|\{\{|\]\]|&[a-z]+;|https?://\S+\s+https?://")
_DIGITS = re.compile(r"\d+")
_LETTER = re.compile(r"[^\W\d_]")
_GERMAN = frozenset("der die das und ist nicht ein eine zu den mit von auf für sich dem wird im des auch".split())
_ENGLISH = frozenset("the and is not of to with for that on are this be it from by as".split())
_BEFORE_PUNCT = re.compile(r" +([,.;:!?%)\]“’])")
_AFTER_OPENING = re.compile(r"([(\[„]) +")

Pair = tuple[str, str]


@dataclass(frozen=True)
class Source:
    """One file of parallel text, how often it is seen in a pass, and its terms of use."""

    name: str
    weight: float
    terms: str
    detokenise: bool = False


@dataclass(frozen=True)
class Mix:
    """The sources of a training run, the slice that is held back from it, and what is made of the rest."""

    sources: tuple[Source, ...]
    dev_source: str
    dev_pairs: int
    augmentation: Augmentation = field(default_factory=Augmentation)


def load_mix(path: Path) -> Mix:
    """Read a mix table (see ``mix.toml``)."""
    table = tomllib.loads(path.read_text("utf-8"))
    sources = tuple(Source(name, **fields) for name, fields in table["sources"].items())
    return Mix(sources, table["dev_source"], table["dev_pairs"], Augmentation(**table["augmentation"]))


def left_out(mix: Mix, names: Sequence[str], terms: Sequence[str]) -> frozenset[str]:
    """Names of the sources that an ablation leaves out: by name (``newstest-*``), or by a part of their terms.

    Raises:
        ValueError: one of them means no source.
    """
    found: set[str] = set()
    for wanted in names:
        found |= _meant(wanted, {s.name for s in mix.sources if fnmatchcase(s.name, wanted)})
    for wanted in terms:
        found |= _meant(wanted, {s.name for s in mix.sources if wanted.casefold() in s.terms.casefold()})
    return frozenset(found)


def _meant(wanted: str, found: set[str]) -> set[str]:
    if not found:
        raise ValueError(f"no source of the mix is meant by {wanted!r}")
    return found


def refusal(german: str, english: str) -> str | None:
    """Why a pair is left out, or None where it is kept."""
    if max(len(german), len(english)) > MAX_CHARS:
        return "too long"
    if german == english:
        return "copy"  # two empty sides among them
    longer, shorter = max(len(german), len(english)), min(len(german), len(english))
    if longer > 20 and longer / shorter > MAX_RATIO:
        return "length ratio"
    if _MARKUP.search(german) or _MARKUP.search(english):
        return "markup"
    if len(_LETTER.findall(german)) < len(german) / 2:
        return "few letters"
    return "language" if _wrong_language(german, english) else None


def _wrong_language(german: str, english: str) -> bool:
    def votes(text: str) -> int:
        words = text.lower().split()
        return sum(word in _GERMAN for word in words) - sum(word in _ENGLISH for word in words)

    return votes(german) < 0 or votes(english) > 0


def detokenise(text: str) -> str:
    """Undo the spaces that a tokeniser put round punctuation."""
    return _AFTER_OPENING.sub(r"\1", _BEFORE_PUNCT.sub(r"\1", text))


def read_pairs(path: Path, source: Source) -> Iterator[Pair]:
    """Yield the (German, English) pairs of one source, white space made single."""
    with lzma.open(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            german, _, english = line.rstrip("\n").partition("\t")
            german, english = " ".join(german.split()), " ".join(english.split())
            yield (detokenise(german), detokenise(english)) if source.detokenise else (german, english)


def kept_pairs(pairs: Iterable[Pair], seen: set[Pair], reasons: Counter[str]) -> list[Pair]:
    """Filter one source; ``seen`` removes duplicates across sources, ``reasons`` counts what was left out."""
    kept = []
    for german, english in pairs:
        reason = refusal(german, english)
        # Templates that differ in a number alone (security notices, tables) count once.
        key = (_DIGITS.sub("0", german.casefold()), _DIGITS.sub("0", english.casefold()))
        if reason is None and key in seen:
            reason = "duplicate"
        reasons[reason or "kept"] += 1
        if reason is None:
            seen.add(key)
            kept.append((german, english))
    return kept


def sampled(pairs: Iterable[Pair], share: float, rng: random.Random) -> Iterator[Pair]:
    """That share of ``pairs``, drawn before they are filtered: a trial is quick."""
    return (pair for pair in pairs if share >= 1 or rng.random() < share)


def weighted(pairs: list[Pair], weight: float, rng: random.Random) -> list[Pair]:
    """Repeat and sample ``pairs`` so that they count ``weight`` times."""
    whole, part = divmod(weight, 1.0)
    return pairs * int(whole) + rng.sample(pairs, round(len(pairs) * part))


def build(
    data: Path, mix: Mix, *, seed: int, sample: float, without: Collection[str] = ()
) -> tuple[list[Pair], list[Pair], dict[str, Counter[str]]]:
    """Return (training pairs, development pairs, what was kept and why not, by source).

    Deterministic for a seed. ``sample`` takes that share of every source, for trials. Sources ``without`` are read,
    filtered and drawn from like all others and then not trained on, so that two corpora differ in them alone, and the
    held-back slice, which may be one's, stays the same.
    """
    rng = random.Random(seed)
    seen: set[Pair] = set()
    train: list[Pair] = []
    dev: list[Pair] = []
    report: dict[str, Counter[str]] = {}
    for source in mix.sources:
        report[source.name] = Counter()
        path = data / "parallel" / f"{source.name}.tsv.xz"
        read = sampled(read_pairs(path, source), sample, random.Random(f"{seed} {source.name}"))
        pairs = kept_pairs(read, seen, report[source.name])
        pairs = rng.sample(pairs, len(pairs))
        if source.name == mix.dev_source:
            held = min(mix.dev_pairs, len(pairs) // 4)
            dev, pairs = pairs[:held], pairs[held:]
        drawn = weighted(pairs, source.weight, rng)
        if source.name in without:
            report[source.name]["kept, but left out of the mix"] = report[source.name].pop("kept", 0)
        else:
            train += drawn
    train = augmented(train, mix.augmentation, random.Random(f"{seed} augmentation"))
    rng.shuffle(train)
    return train, dev, report


def write_pairs(path: Path, pairs: list[Pair]) -> None:
    """Write pairs as tab-separated UTF-8 lines."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{source}\t{target}\n" for source, target in pairs), "utf-8")


def load_pairs(path: Path) -> list[Pair]:
    """Read what `write_pairs` wrote."""
    rows = (line.split("\t") for line in path.read_text("utf-8").splitlines())
    return [(source, target) for source, target in rows]
