"""The clauses of a German sentence: cuts it at its commas, and drops what the main clause can do without."""

from collections.abc import Callable
from itertools import pairwise

from models.train.german import (
    ARTICLES,
    DROPPABLE,
    FINITE,
    PREPOSITIONS,
    RELATIVES,
    SUBORDINATORS,
    ends_clause,
    is_finite,
    words,
)

# Words that announce the clause behind the main clause, so that it cannot go.
_CORRELATES = frozenset(
    """so derart dadurch deshalb deswegen darum daran damit dafür dann erst umso je desto dahingehend darauf davon darin
    dazu dagegen daraus darüber nicht nur solche solcher solchen als genug anders mehr weniger insofern""".split()
)
# The same for relative clauses: they say which of many is meant.
_RESTRICTED = frozenset(
    """derjenige diejenige dasjenige diejenigen denjenigen derjenigen desjenigen alle alles jene jener jenes jenen etwas
    nichts einzige einziger einzigen einziges kein keine keinen keiner jede jeder jedes niemand dort damals dieselbe
    denselben derselbe wenige wenigen gibt gab gäbe existieren existierten viele vielen einige einigen manche zwei drei
    vier fünf sechs sieben acht neun zehn nie niemals kaum ohne""".split()
)
_GENERIC = frozenset("alle viele einige manche nur personen menschen jeder jede jedes wer wenige solche".split())


def segments(sentence: str) -> list[str]:
    """Split at commas that stand outside quotation marks."""
    if not any(mark in sentence for mark in '„“"'):
        return sentence.split(", ")
    parts, depth, start = [], 0, 0
    for index, char in enumerate(sentence):
        depth += {"„": 1, "“": -1, "”": -1}.get(char, 0)
        if char == '"':
            depth = 0 if depth else 1
        if char == "," and depth <= 0 and sentence[index + 1 : index + 2] == " ":
            parts.append(sentence[start:index])
            start = index + 2
    return [*parts, sentence[start:]]


def first_word(segment: str) -> str:
    """The first word of a segment, or nothing."""
    return (words(segment) or [""])[0]


def last_word(segment: str) -> str:
    """The last word of a segment, or nothing."""
    return (words(segment) or [""])[-1]


def opens_clause(segment: str) -> bool:
    """Whether a segment begins as a relative or subordinate clause, with a preposition before it or not."""
    head = words(segment)[:2]
    if not head or not head[0].islower():
        return False
    if head[0] in PREPOSITIONS and len(head) == 2 and head[1] in RELATIVES:
        return True
    return head[0] in RELATIVES or head[0] in DROPPABLE


def _is_clause(segment: str) -> bool:
    """Whether a segment is a clause that can go whole; an infinitive with *zu* is one only after *um* and *ohne*."""
    parts = words(segment)
    if len(parts) < 3 or not opens_clause(segment) or not ends_clause(parts[-1]):
        return False
    return parts[0] in {"um", "ohne"} or not any(one == "zu" and other[-1] == "n" for one, other in pairwise(parts))


def _leans(before: str, clause: str) -> bool:
    """Whether a main clause points forward to the clause behind it, which then cannot go."""
    tail = [word.lower() for word in words(before)]
    if not _CORRELATES.isdisjoint(tail[-7:]) or "zu" in tail[-7:-1] or tail[-1:] == [] or tail[-1] in ARTICLES:
        return True
    if first_word(clause) in DROPPABLE - {"wo"}:
        return False
    counted = len(tail) > 1 and tail[-2].isdigit()  # "113 Modelle, die ..."
    superlative = any(word.endswith(("ste", "sten", "ster", "stes")) for word in tail[-4:])
    return counted or superlative or not _RESTRICTED.isdisjoint(tail[-7:])


def _drop_relative(parts: list[str]) -> list[str] | None:
    """Drop one clause between commas where the main clause goes on after it."""
    for i in range(1, len(parts) - 1):
        if _is_clause(parts[i]) and _goes_on_without(parts, i):
            # An apposition keeps the comma that closes it.
            joined = i == 1 or opens_clause(parts[i - 1]) or opens_subordinate(parts[i - 1])
            return [*parts[: i - 1], f"{parts[i - 1]}{' ' if joined else ', '}{parts[i + 1]}", *parts[i + 2 :]]
    return None


def _goes_on_without(parts: list[str], i: int) -> bool:
    """Whether what stands before and after clause ``i`` makes one main clause, which does not need it."""
    before, following = parts[i - 1], first_word(parts[i + 1])
    if first_word(parts[i]) in {"was", "wer", "wo"} or _leans(before, parts[i]) or opens_clause(parts[i + 1]):
        return False
    if i == 1 and _is_bare(before):
        return False
    if is_finite(following):
        return opens_subordinate(before) or not any(map(is_finite, words(before)))
    if following in {"und", "oder"}:
        return not ends_clause(last_word(parts[i + 1]))
    return following in PREPOSITIONS - SUBORDINATORS


def _is_bare(subject: str) -> bool:
    """Whether a subject has no article, so that the clause behind it says which are meant: *Ausländer, die ...*."""
    tokens = words(subject)
    return len(tokens) < 2 or tokens[0].lower() in _GENERIC


def _drop_apposition(parts: list[str]) -> list[str] | None:
    """Drop a noun phrase between the first two commas where the verb follows it."""
    if len(parts) < 3 or not is_finite(first_word(parts[2])) or any(map(is_finite, words(parts[0]))):
        return None
    named = words(parts[1])
    if len(named) > 10 or "und" in named or any(word in FINITE for word in named) or opens_subordinate(parts[0]):
        return None
    if not (named[0] in ARTICLES or named[0][0].isupper()) or ends_clause(named[-1]):
        return None
    return [f"{parts[0]} {parts[2]}", *parts[3:]]


def opens_subordinate(segment: str) -> bool:
    """Whether a segment begins as a subordinate clause, as one may at the start of a sentence."""
    head = [word.lower() for word in words(segment)[:2]]
    return any(word in SUBORDINATORS for word in head[:1]) or (
        head[:1] in (["nur"], ["auch"], ["selbst"], ["erst"]) and head[-1] in SUBORDINATORS
    )


def _drop_last(parts: list[str]) -> list[str] | None:
    """Drop a clause at the end."""
    if len(parts) < 2 or not _is_clause(parts[-1].rstrip(".!")) or _leans(parts[-2], parts[-1]):
        return None
    if (opens_subordinate(parts[-2]) and len(parts) == 2) or _is_listed(parts):
        return None
    return [*parts[:-2], parts[-2] + "."]


def _is_listed(parts: list[str]) -> bool:
    """Whether the last segment looks like the last item of a list of nouns: *das A, das B und das C ... werden*."""
    heads = [words(part)[:2] for part in parts[-2:]]
    return " und " in parts[-1] and all(
        len(head) == 2 and head[0] in ARTICLES and head[1][0].isupper() for head in heads
    )


def _drop_second(parts: list[str]) -> list[str] | None:
    """Drop a second main clause that a comma and *und* join."""
    if len(parts) < 2 or not parts[-1].startswith(("und ", "aber ", "doch ", "jedoch ", "wobei ")):
        return None
    main = words(parts[-2])
    joined = words(parts[-1])[1:]
    if not any(map(is_finite, main)) or not any(map(is_finite, joined[:6])) or "nicht" in main:
        return None
    return [*parts[:-2], parts[-2] + "."]


_CLAUSE_RULES: tuple[Callable[[list[str]], list[str] | None], ...] = (
    _drop_apposition,
    _drop_relative,
    _drop_last,
    _drop_second,
)


def without_clauses(sentence: str) -> str:
    """The sentence without the clauses, appositions and second main clauses that it can do without."""
    parts = segments(sentence)
    changed = True
    while changed:
        changed = False
        for rule in _CLAUSE_RULES:
            shorter = rule(parts)
            if shorter is not None:
                parts, changed = shorter, True
    return ", ".join(parts)
