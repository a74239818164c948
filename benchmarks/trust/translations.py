"""Measure the checks for translated sentences: the rate of false alarms, and the recall of planted errors.

False alarms are counted on reference translations and on the outputs of other translation systems. The rules, word
lists and thresholds in ``service/checks`` were written and tuned on the data sets newstest-2008-2018 and tatoeba (the
word lists also on debian-web and xquad). They were reviewed on newstest-ende-2020-2022, pud and mlqe-pe. The published
figures are measured on wmt19, wmt20 and flores-dev. These sets share no sentence with the other sets, and were not used
to write the rules.
"""

import lzma
import random
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from html import unescape
from itertools import chain
from pathlib import Path
from typing import Any

from benchmarks.trust.planted import MONTHS, NAME, PLANTS, Case
from benchmarks.trust.shares import by_kind, share, with_findings
from service.checks.assessment import check_sentence
from service.checks.base import Code, Finding, needs_review
from service.languages.base import LanguagePair

LANGUAGES = LanguagePair.of("de", "en")
SETS = ("wmt19", "wmt20", "flores-dev")
TUNED_ON = ("newstest-2008-2018", "tatoeba", "debian-web", "xquad", "newstest-ende-2020-2022", "pud", "mlqe-pe")
MACHINES = ("google", "microsoft")
DEVELOPMENT_PAIRS = 3_000
SEED = 20_240_501
MOST_CASES = 1_000
CODES: Mapping[str, frozenset[Code]] = {
    "numbers": frozenset({Code.NUMBER_UNSUPPORTED, Code.NUMBER_MISSING, Code.MAGNITUDE_CHANGED}),
    "dates": frozenset({Code.DATE_UNSUPPORTED, Code.DATE_MISSING}),
    "units": frozenset({Code.UNIT_CHANGED, Code.UNIT_MISSING}),
    "names": frozenset({Code.NAME_UNSUPPORTED, Code.NAME_MISSING}),
    "names left out": frozenset({Code.NAME_MISSING}),
    "quotations": frozenset({Code.QUOTATION_MISSING, Code.QUOTATION_ADDED, Code.QUOTATION_EMPTY}),
    "negation": frozenset({Code.NEGATION_LOST, Code.NEGATION_ADDED}),
    "opposites": frozenset({Code.MEANING_REVERSED}),
    "words": frozenset({Code.WORD_UNKNOWN, Code.UNTRANSLATED}),
    "signs": frozenset({Code.SIGN_MISSING, Code.LITERAL_MISSING}),
    "characters": frozenset({Code.CHARACTER_BROKEN, Code.MARKUP_LEFT}),
    "repetition": frozenset({Code.REPETITION}),
    "length": frozenset({Code.OUTPUT_TOO_SHORT, Code.OUTPUT_TOO_LONG}),
    "untranslated": frozenset({Code.UNTRANSLATED}),
}
# The checks may report a wrong year, day or hour as a number or as a date, a lost sign as a unit, and an invented name
# as a word.
ANSWERS = {
    **CODES,
    "numbers": CODES["numbers"] | CODES["dates"],
    "dates": CODES["numbers"] | CODES["dates"],
    "signs": CODES["signs"] | CODES["numbers"] | CODES["units"],
    "names": CODES["names"] | {Code.WORD_UNKNOWN},
}
PARTS: Mapping[str, tuple[int, int]] = {
    **{f"wmt19, lines {start + 1} to {start + 500}": (start, start + 500) for start in range(0, 2000, 500)},
    "wmt20": (2000, 2785),
    "flores-dev": (2785, 3782),
}
"""Parts of the data sets, as ranges of the pairs that `read` returns."""
READ = ("wmt19, lines 1 to 500", "wmt19, lines 501 to 1000")
_SPOKEN = re.compile(r"[„\"](?:[^\s„“\"]+\s+){2,}[^\s„“\"]+[“\"]")
_ANY_MARK = re.compile("[„“”\"«»'‘’‚`´]")
Pairs = Sequence[tuple[str, str]]


def read(data: Path, english: str = "en") -> list[tuple[str, str]]:
    """Return the sentence pairs on which the published figures are measured.

    Each pair consists of a German sentence and its English reference. ``data`` is the folder of the data sets.
    ``english`` is the file extension of the English side. For example, ``google.en`` selects the output of a
    translation system instead of the reference.
    """
    return [
        pair
        for name in SETS
        for pair in zip(
            (data / "eval" / f"{name}.de").read_text("utf-8").splitlines(),
            # Some stored outputs contain HTML character references.
            map(unescape, (data / "eval" / f"{name}.{english}").read_text("utf-8").splitlines()),
            strict=True,
        )
    ]


def read_development(data: Path) -> list[tuple[str, str]]:
    """Return up to 3,000 of the sentence pairs on which the rules were tuned, in random but repeatable order.

    Each pair consists of a German and an English sentence. ``data`` is the folder of the data sets.
    """
    with lzma.open(data / "parallel" / "newstest-2008-2018.tsv.xz", "rt", encoding="utf-8") as lines:
        rows = [tuple(line.rstrip("\n").split("\t")[:2]) for line in lines]
    random.Random(SEED).shuffle(rows)
    return [(german, english) for german, english in rows[:DEVELOPMENT_PAIRS]]


def cases(pairs: Pairs) -> Iterator[Case]:
    """Yield a case for each pair of a German and an English sentence.

    The ``other_output`` of the case is the English sentence of the next pair, and its names come from all pairs. A name
    is a capitalised word that occurs in both sentences of a pair, is not the name of a month, and never occurs in lower
    case in an English sentence.
    """
    common = {word for _, english in pairs for word in re.findall(r"\b[a-z]+\b", english)}
    both = {match.group() for german, english in pairs for match in NAME.finditer(english) if match.group() in german}
    names = sorted(name for name in both - {*MONTHS} if name.lower() not in common)
    for number, (german, english) in enumerate(pairs):
        yield Case(german, english, pairs[(number + 1) % len(pairs)][1], names)


def lost_its_marks(source: str, reference: str) -> bool:
    """Return whether the source contains a quotation of three or more words, but the reference has lost its marks.

    Such a reference contains neither quotation marks nor apostrophes. It is faulty, so the checks are right to report
    it.
    """
    return _SPOKEN.search(source) is not None and _ANY_MARK.search(reference) is None


def clean(pairs: Pairs) -> tuple[dict[str, Any], list[list[Finding]]]:
    """Check the unchanged pairs, and return a table of false alarms and the findings for each pair.

    The table contains the percentage of pairs with findings for each kind of error, and the processor time per pair in
    microseconds.
    """
    start = time.process_time()
    found = [check_sentence(german, english, *LANGUAGES) for german, english in pairs]
    elapsed_s = time.process_time() - start
    table = by_kind(found, CODES)
    table["microseconds_a_pair"] = round(1e6 * elapsed_s / len(pairs))
    return table, found


def parts(pairs: Pairs, findings: Sequence[Sequence[Finding]]) -> dict[str, Any]:
    """Return the percentage of references that need review, for each part of the data sets.

    Only the findings on the parts in ``READ`` were read when the rules were changed last. Each result also has the
    percentage without the references for which `lost_its_marks` returns True.
    """
    table: dict[str, Any] = {}
    for name, (start, end) in PARTS.items():
        rows = list(zip(pairs[start:end], findings[start:end], strict=True))
        kept = [found for pair, found in rows if not lost_its_marks(*pair)]
        whole = share(sum(needs_review(found) for _, found in rows), len(rows))
        table[name] = {**whole, "read": name in READ, "kept_marks": share(sum(map(needs_review, kept)), len(kept))}
    return table


def without_faults(pairs: Pairs, findings: Sequence[Sequence[Finding]]) -> dict[str, Any]:
    """Return the percentage of false alarms on pairs with a correct reference, and the number of pairs left out.

    ``findings`` contains the findings for each pair. A pair is left out if `lost_its_marks` returns True for it.
    """
    kept = [found for pair, found in zip(pairs, findings, strict=True) if not lost_its_marks(*pair)]
    return {
        "references_left_out": len(pairs) - len(kept),
        "any": share(sum(map(bool, kept)), len(kept)),
        "needs review": share(sum(map(needs_review, kept)), len(kept)),
    }


def machines(data: Path) -> dict[str, Any]:
    """Return the percentages of outputs with findings, for each of the other translation systems.

    The systems translated the sentences that `read` returns. ``data`` is the folder of the data sets. Some of the
    outputs contain real errors, so not every finding is a false alarm.
    """
    found = {name: [check_sentence(*pair, *LANGUAGES) for pair in read(data, f"{name}.en")] for name in MACHINES}
    return {name: by_kind(findings, CODES) for name, findings in found.items()}


def recall(all_cases: Sequence[Case], findings: Sequence[Sequence[Finding]]) -> dict[str, Any]:
    """Return the recall of planted errors, for each kind of error and for each error of the kind.

    ``findings`` contains the findings for the unchanged pair of each case. Errors are planted only in pairs that have
    no finding of the same kind, so each finding of this kind is due to the planted error.
    """
    table: dict[str, Any] = {}
    for kind, plants in PLANTS.items():
        rows: dict[str, list[list[Finding]]] = {}
        for error, plant in plants.items():
            rng = random.Random(f"{SEED} {kind} {error}")
            results = []
            for case, before in zip(all_cases, findings, strict=True):
                output = None if any(f.code in ANSWERS[kind] for f in before) else plant(case, rng)
                if output is not None and output != case.output:
                    results.append((case.source, output))
            rng.shuffle(results)
            checked = (check_sentence(*result, *LANGUAGES) for result in results[:MOST_CASES])
            rows[error] = [[f for f in one if f.code in ANSWERS[kind]] for one in checked]
        table[kind] = {
            "all": with_findings(list(chain(*rows.values()))),
            **{error: with_findings(row) for error, row in rows.items()},
        }
    return table
