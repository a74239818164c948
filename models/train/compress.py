"""Sentence compression by rules: shortens a German sentence so that what is left is a German sentence."""

import re

from models.train.clauses import first_word, last_word, opens_clause, opens_subordinate, segments, without_clauses
from models.train.german import ARTICLES, FINITE, PREPOSITIONS, balanced, ends_clause, is_finite, words

_BRACKETS = re.compile(r" ?\([^()]*\)(?!\w)")
_DASHES = re.compile(r" [–—-] [^–—]{3,120}? [–—-](?= |,)")
_FILLERS = re.compile(
    r"(?<=[\wäöüß]) (?:jedoch|allerdings|zudem|außerdem|hingegen|dagegen|ebenfalls|übrigens|freilich|folglich"
    r"|demnach|beispielsweise|zum Beispiel|z\. ?B\.|nach eigenen Angaben|unter anderem|u\. ?a\.|insbesondere"
    r"|im Übrigen|darüber hinaus|ihrerseits|seinerseits|gewissermaßen|schließlich|letztlich|letztendlich)(?= [a-zäöü])"
)
_ATTRIBUTION = re.compile(r", (?:so|laut) (?:der |die |das |ein |eine )?[A-ZÄÖÜ][^,;:]{2,60}(?:,|(?=\.$))")
_ADDED = re.compile(
    r", (?:darunter|einschließlich|inklusive|insbesondere|beispielsweise|etwa|vor allem|zum Beispiel|z\. ?B\.|so etwa"
    r"|so zum Beispiel|nämlich|unter anderem|wie etwa|wie zum Beispiel|teilweise|teils|hauptsächlich|meist|meistens"
    r"|zuletzt|sowie|also|allerdings|wenn auch|oft|häufig|jeweils|davon|zumeist|in der Regel) [^;]+$"
)
_COORDINATED = re.compile(
    r" und (?:wurde|wurden|war|waren|ist|sind|hat|hatte|wird|[a-zäöüß]{3,}te|[a-zäöüß]{3,}ten) [^,]{6,}$"
)
_MODALS = frozenset(
    """kann können konnte konnten muss müssen musste mussten soll sollen sollte sollten darf dürfen durfte durften
    könnte könnten""".split()
)
_TYPOS = re.compile(r" [,.;:]|(?:^|[ „(])\" |„ |,,|,\.|\.\.|[–—-]\.$|, und\.$|: [^„\"]|:\.$")
_SPACES = re.compile(r" {2,}")


def _without_attribution(sentence: str) -> str:
    match = _ATTRIBUTION.search(sentence)
    if match is None or any(word in FINITE or is_finite(word) for word in words(match.group())):
        return sentence
    return sentence[: match.start()] + sentence[match.end() :]


def _without_addition(sentence: str) -> str:
    match = _ADDED.search(sentence)
    if match is None or any(is_finite(first_word(part)) for part in segments(match.group())[1:]):
        return sentence
    if ends_clause(last_word(match.group())) or last_word(match.group()) in PREPOSITIONS:  # the main clause's own verb
        return sentence
    return sentence[: match.start()] + "."


def _without_coordination(sentence: str) -> str:
    """Drop a second verb of the same subject where the sentence has no comma and so no clause it could belong to."""
    match = _COORDINATED.search(sentence)
    if match is None or "," in sentence[: match.start()] or "nicht" in sentence:
        return sentence
    before = words(sentence[: match.start()])
    whole = len(before) >= 7 and any(map(is_finite, before)) and "sowohl" not in before
    return sentence[: match.start()] + "." if whole else sentence


def is_well_formed(sentence: str) -> bool:
    """Whether a shortened sentence still reads as one: 6 to 35 words, a main clause with a verb, tidy typography."""
    if not 6 <= len(sentence.split()) <= 35 or not balanced(sentence) or not sentence[0].isupper():
        return False
    if _TYPOS.search(sentence) or not sentence.endswith((".", "!")) or is_finite(first_word(sentence).lower()):
        return False
    if sentence.startswith("Zwar ") and " aber " not in sentence:
        return False
    parts = segments(sentence.rstrip(".!"))
    main = [
        part for index, part in enumerate(parts) if not (opens_clause(part) or (index == 0 and opens_subordinate(part)))
    ]
    if last_word(parts[-1]).lower() in ARTICLES | PREPOSITIONS - {
        "an",
        "auf",
        "aus",
        "ab",
        "vor",
        "zu",
        "nach",
        "bei",
        "mit",
    }:
        return False
    return any(is_finite(word) for part in main for word in words(part)) and _closes_bracket(words(sentence))


def _closes_bracket(tokens: list[str]) -> bool:
    """Whether a modal verb still has its infinitive behind it."""
    modal = next((index for index, word in enumerate(tokens) if word in _MODALS), None)
    return modal is None or any(
        word.endswith("n") and ends_clause(word) for word in [*tokens[modal + 1 :], *tokens[:modal]]
    )


def compress(sentence: str) -> str | None:
    """Shorten a sentence by every rule that applies; None where that is under 15 % or reads badly."""
    text = _BRACKETS.sub("", sentence)
    text = _DASHES.sub("", text)
    text = _FILLERS.sub("", _without_attribution(text))
    head, semicolon, _ = text.partition("; ")
    text = head + "." if semicolon else text
    text = without_clauses(_without_addition(text))
    if len(text.split()) > 12:
        text = _without_coordination(text)
    text = _SPACES.sub(" ", text).strip()
    shorter = len(text.split()) <= 0.85 * len(sentence.split())
    return text if shorter and is_well_formed(text) else None
