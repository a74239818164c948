"""Measure the checks for summary sentences: false alarms on correct sentences, and recall of planted errors.

The data are Wikinews articles, none of which was used to write the rules of the checks. A sentence taken from an
article is a correct summary of that article. The opening paragraph of an article was written separately and may contain
information that is not in the rest of the article. The share of flagged opening sentences is therefore an upper bound
for the share of false alarms.
"""

import json
import lzma
import random
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from benchmarks.trust.planted import Case
from benchmarks.trust.planted_summaries import PLANTS
from benchmarks.trust.shares import by_kind, with_findings
from service.checks.assessment import check_summary
from service.checks.base import Code, Finding
from service.domain import Span
from service.languages.base import language
from service.summarization.guard import support
from service.text.segmentation import segment

GERMAN = language("de")
FILE = Path("summaries") / "wikinews-de.jsonl.xz"
SENTENCES_AN_ARTICLE = 4
LEAST_CHARS = 40
SEED = 20_240_502
MOST_CASES = 1_000
UNSUPPORTED = frozenset(
    {Code.SENTENCE_UNSUPPORTED, Code.NAME_UNSUPPORTED, Code.NUMBER_UNSUPPORTED, Code.DATE_UNSUPPORTED}
)
CODES: Mapping[str, frozenset[Code]] = {
    "numbers": frozenset({Code.NUMBER_UNSUPPORTED, Code.MAGNITUDE_CHANGED}),
    "dates": frozenset({Code.DATE_UNSUPPORTED}),
    "units": frozenset({Code.UNIT_CHANGED}),
    "names": frozenset({Code.NAME_UNSUPPORTED}),
    "quotations": frozenset({Code.QUOTATION_ALTERED, Code.QUOTATION_ADDED, Code.QUOTATION_EMPTY}),
    "negation": frozenset({Code.NEGATION_LOST, Code.NEGATION_ADDED}),
    "repetition": frozenset({Code.REPETITION}),
    "support": frozenset({Code.SENTENCE_UNSUPPORTED}),
}
_PLACE = re.compile(r"\b(?:in|aus|nach|bei) ([A-ZÄÖÜ][a-zäöüß]{3,})\b(?=[ ,.])")
_PERSON = re.compile(r"\b\w*(?:räsident|inister|anzler|precher|hef)(?:in)? [A-ZÄÖÜ]\w+ ([A-ZÄÖÜ][a-zäöüß]{3,})\b")
_AFTER_ARTICLE = re.compile(
    r"\b(?:[Dd](?:er|ie|as|en|em|es)|[Ee]ine?[nmrs]?|[Kk]eine?|zur|zum|im|vom|[a-zäöüß]+en) ([A-ZÄÖÜ]\w+)"
)
ANSWERS = {
    **CODES,
    "numbers": CODES["numbers"] | CODES["dates"],
    "dates": CODES["numbers"] | CODES["dates"],
    "support": UNSUPPORTED,  # each of these codes may reveal a sentence from another article
}


@dataclass(frozen=True)
class Story:
    """An article, the spans of its sentences, and the sentences of its opening paragraph."""

    text: str
    places: tuple[Span, ...]
    opening: tuple[str, ...]

    def checked(self, sentence: str) -> list[Finding]:
        """Check ``sentence`` as if it were a sentence from a summary of the article, and return the findings.

        The service's own search determines which sentences of the article support ``sentence``.
        """
        backing = [self.places[n] for n in support(sentence, [place.of(self.text) for place in self.places])]
        return check_summary(self.text, sentence, [(Span(0, len(sentence)), backing)], GERMAN)


def stories(data: Path) -> list[Story]:
    """Return the Wikinews articles in the folder ``data`` that have at least `SENTENCES_AN_ARTICLE` sentences."""
    with lzma.open(data / FILE, "rt", encoding="utf-8") as lines:
        found = [_story(json.loads(line)) for line in lines]
    return [story for story in found if len(story.places) >= SENTENCES_AN_ARTICLE]


def _story(item: Mapping[str, str]) -> Story:
    opening = segment(item["summary"], GERMAN)
    said = tuple(place.of(opening.text) for place in opening.sentences)
    return Story(item["article"], tuple(segment(item["article"], GERMAN).sentences), said)


def names(texts: Sequence[str]) -> list[str]:
    """Return the names of places and persons that occur at least twice in ``texts``.

    A name is a word after a preposition, or after a title and a first name. A word is left out if it also occurs in
    lower case, or after an adjective or a German article such as “der” or “ein”.
    """
    whole = "\n".join(texts)
    nouns = set(_AFTER_ARTICLE.findall(whole)) | {word.capitalize() for word in re.findall(r"\b[a-zäöüß]+\b", whole)}
    counted = Counter(name for pattern in (_PLACE, _PERSON) for name in pattern.findall(whole))
    return sorted(name for name, times in counted.items() if times > 1 and name not in nouns)


def cases(found: Sequence[Story]) -> Iterator[tuple[Story, Case]]:
    """Yield (article, case) for some sentences from each of the articles ``found``.

    The output of the case is one of these sentences. Its other output is a sentence from the next article or, if that
    article has no sentence of at least `LEAST_CHARS` characters, the whole text of the same article.
    """
    rng = random.Random(SEED)
    known = names([story.text for story in found])
    sentences = [[s for place in one.places if len(s := place.of(one.text)) >= LEAST_CHARS] for one in found]
    for number, story in enumerate(found):
        others = sentences[(number + 1) % len(found)] or [story.text]
        for sentence in rng.sample(sentences[number], min(SENTENCES_AN_ARTICLE, len(sentences[number]))):
            yield story, Case(story.text, sentence, rng.choice(others), known)


def measured(data: Path) -> dict[str, Any]:
    """Return the false alarms on correct sentences, and the recall of planted errors, for the articles in ``data``."""
    found = stories(data)
    told = list(cases(found))
    verbatim = [story.checked(case.output) for story, case in told]
    openings = [story.checked(sentence) for story in found for sentence in story.opening]
    return {
        "articles": len(found),
        "false_alarms": by_kind(verbatim, CODES),
        "openings": by_kind(openings, CODES),
        "recall": recall(told, verbatim),
    }


def recall(told: Sequence[tuple[Story, Case]], findings: Sequence[Sequence[Finding]]) -> dict[str, Any]:
    """Return the recall of planted errors, by kind of error and by error.

    ``told`` is the result of `cases`, and ``findings`` contains the findings for the unchanged sentence of each case.
    Errors are planted only in sentences that have no finding of the same kind.
    """
    table: dict[str, Any] = {}
    for kind, plants in PLANTS.items():
        rows: dict[str, list[list[Finding]]] = {}
        for error, plant in plants.items():
            rng = random.Random(f"{SEED} {kind} {error}")
            results = []
            for (story, case), before in zip(told, findings, strict=True):
                output = None if any(f.code in ANSWERS[kind] for f in before) else plant(case, rng)
                if output is not None and output != case.output:
                    results.append((story, output))
            rng.shuffle(results)
            checked = (story.checked(output) for story, output in results[:MOST_CASES])
            rows[error] = [[f for f in one if f.code in ANSWERS[kind]] for one in checked]
        table[kind] = {
            "all": with_findings(list(chain(*rows.values()))),
            **{error: with_findings(row) for error, row in rows.items()},
        }
    return table
