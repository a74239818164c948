"""Functions that find the source sentences that support a rewritten sentence, and that reject bad rewrites."""

import re
from collections.abc import Callable, Sequence
from itertools import pairwise

from service.summarization.words import GRAMMAR, content_stems, count_words, words

LEAST_SHARE = 0.2
LEAST_ADDED_SHARE = 0.15
MOST_SOURCES = 3
_COMPOUND_CHARS = 6


def support(sentence: str, sources: Sequence[str]) -> list[int]:
    """Return the indices of up to three source sentences that cover the content of ``sentence``, in ascending order.

    A source sentence covers a word stem of ``sentence`` if it contains this stem or, because of German compounds, a
    stem with the same first six letters. The source sentence that covers the most stems must cover at least 20% of all
    stems of ``sentence``. Otherwise, the result is empty. Each further source sentence must cover at least another 15%.
    """
    missing = set(content_stems(sentence))
    total = len(missing)
    stems = [set(content_stems(source)) for source in sources]
    chosen: list[int] = []
    while missing and len(chosen) < MOST_SOURCES:
        held = [_held(missing, found) for found in stems]
        best = max(range(len(sources)), key=lambda n: (len(held[n]), -n), default=None)
        least = LEAST_ADDED_SHARE if chosen else LEAST_SHARE
        if best is None or len(held[best]) < least * total or not held[best]:
            break
        chosen.append(best)
        missing -= held[best]
    return sorted(chosen)


REPEATING_SHARE = 0.75


def repeats_sentence(one: str, other: str) -> bool:
    """Return whether the two sentences share most of their content.

    They must share at least three quarters of the word stems of the sentence that has fewer of them. Stems of function
    words do not count.
    """
    stems, others = set(content_stems(one)), set(content_stems(other))
    fewest = min(len(stems), len(others))
    return fewest > 0 and len(stems & others) >= REPEATING_SHARE * fewest


def _held(wanted: set[str], found: set[str]) -> set[str]:
    beginnings = {stem[:_COMPOUND_CHARS] for stem in found if len(stem) >= _COMPOUND_CHARS}
    return {stem for stem in wanted if stem in found or stem[:_COMPOUND_CHARS] in beginnings}


LEAST_WORDS = 4
MOST_WORDS = 40
_ENDS = re.compile(r"[.!?…][“”\"»«’)\]]*$")
_NEGATION = re.compile(r"\b(?:nicht|nichts|nie|niemals|niemand\w*|kein\w*|ohne|weder)\b", re.IGNORECASE)
# Third-person and past-tense forms of weak verbs. Before a noun, such a word is an adjective ("letzten Woche").
_FINITE = re.compile(r"[a-zäöüß]{2,}(?:t|te|ten)")
_PAIRS = (("„", "“"), ("»", "«"), ("(", ")"))
_DOUBLED = re.compile(r"(?<!\.)\.\.(?!\.)|[!?,;:]\s?[,;.](?!\.)|,,|[!?]\.")
_LEAST_WHOLE_WORDS = 3


def objection(sentence: str, sources: Sequence[str]) -> str | None:
    """Return a one-word reason why ``sentence`` must not replace ``sources``, or None if there is no objection."""
    return next((name for name, applies in OBJECTIONS if applies(sentence, sources)), None)


def objection_to_rewording(sentence: str, sources: Sequence[str]) -> str | None:
    """Return a one-word reason why ``sentence`` must not replace ``sources`` as a free rewording, or None.

    Unlike `objection`, this function allows words that no source contains, and pairs of function words that occur twice
    ("in der"). The caller must check that the sources support the content of ``sentence``.
    """
    return next((name for name, applies in OBJECTIONS_TO_REWORDING if applies(sentence, sources)), None)


def objection_to_rules(sentence: str, source: str) -> str | None:
    """Return a one-word reason why ``sentence`` must not replace ``source``, or None if there is no objection.

    ``sentence`` was made from ``source`` by rules of grammar. Unlike `objection`, this function allows sentences of any
    length, words that ``source`` does not contain, and pairs of words that occur twice. It does not look for a main
    verb, because no rule removes it.
    """
    return next((name for name, applies in OBJECTIONS_TO_RULES if applies(sentence, [source])), None)


def unsupported(sentence: str, sources: Sequence[str]) -> list[str]:
    """Return the words of ``sentence`` that occur in no source, neither in the same form nor with the same stem.

    Function words need no support, except capitalised ones inside the sentence, which are nouns ("der Will"). Numbers
    must occur in exactly the same form.
    """
    known = {word.lower() for source in sources for word in words(source)}
    stems = {GRAMMAR.stem(word) for word in known}
    free = GRAMMAR.function_words
    found = words(sentence)
    lower = [word.lower() if place == 0 else word for place, word in enumerate(found)]
    return [
        word
        for word, written in zip(found, lower, strict=True)
        if written not in free and not _supported(word.lower(), known, stems)
    ]


def _supported(word: str, known: set[str], stems: set[str]) -> bool:
    return word in known or (not any(char.isdigit() for char in word) and GRAMMAR.stem(word) in stems)


def _has_odd_length(sentence: str, _: Sequence[str]) -> bool:
    return not LEAST_WORDS <= count_words(sentence) <= MOST_WORDS


def is_fragment(sentence: str, _: Sequence[str] = ()) -> bool:
    """Return whether the beginning or the end of the sentence is missing, as in a subheading or a dateline."""
    return not _ENDS.search(sentence) or not (sentence[0].isupper() or sentence[0].isdigit() or sentence[0] in "„»")


def is_unbalanced(sentence: str, _: Sequence[str] = ()) -> bool:
    """Return whether the sentence contains a quotation mark or bracket without its counterpart."""
    text = sentence.replace("”", "“")
    if "„" not in text and "“" in text:  # English marks
        return sentence.count("“") != sentence.count("”") or sentence.count('"') % 2 == 1
    return any(text.count(opening) != text.count(closing) for opening, closing in _PAIRS) or text.count('"') % 2 == 1


def _is_mispunctuated(sentence: str, _: Sequence[str] = ()) -> bool:
    """Return whether the sentence contains an invalid sequence of punctuation marks, such as two full stops."""
    return _DOUBLED.search(sentence) is not None


def _is_subordinate(sentence: str, _: Sequence[str] = ()) -> bool:
    """Return whether the sentence is a subordinate clause without a main clause ("Wie das Amt mitteilt.")."""
    found = words(sentence)
    if not found or found[0].lower() not in GRAMMAR.conjunctions or sentence.rstrip('“”"»«').endswith("?"):
        return False
    clauses = [words(clause) for clause in sentence.split(",")]
    others = [clause for clause in clauses[1:] if clause and clause[0].lower() not in GRAMMAR.subordinators]
    return not others and _is_finite(found[-1])


def _is_finite(word: str) -> bool:
    return word in GRAMMAR.finite_verbs or (word not in GRAMMAR.function_words and _FINITE.fullmatch(word) is not None)


def _is_cut(sentence: str, sources: Sequence[str]) -> bool:
    """Return whether ``sentence`` is the beginning of a source but lacks the clause that completes it.

    For example, "Sie sagte." lacks the clause with "dass" of its source.
    """
    text = sentence.rstrip(' .!?…“”"»«')
    return any(
        source.startswith(text) and GRAMMAR.complement.match(source, len(text)) is not None for source in sources
    )


def _is_unattributed(sentence: str, sources: Sequence[str]) -> bool:
    """Return whether the supporting source sentences name the origin of a statement, but ``sentence`` does not."""
    backing = [sources[number] for number in support(sentence, sources)]
    return any(map(GRAMMAR.attribution.search, backing)) and GRAMMAR.attribution.search(sentence) is None


_POSSIBLE_VERB = re.compile(r"[a-zäöüß]{3,}(?:t|en|ern|eln)|[a-zäöüß]{4,}e")
_QUOTE = re.compile(r"[„“\"»«](?P<words>[^„“”\"»«]+)[“”\"»«],\s[a-zäöüß]+")
_MOST_WORDS_WITHOUT_VERB = 15
_LEAST_QUOTE_WORDS = 6
_LEAST_CLAUSE_WORDS = 3
_APOSTROPHE = re.compile("['’]")  # "hat's"
_CLAUSE_MARK = re.compile(r"[,;:–]")


def _is_verbless(sentence: str) -> bool:
    """Return whether a sentence of up to 15 words contains no word that could be a verb ("Nicht besser als zuvor.").

    The result is False for a question and for a sentence that names the source of a statement. A word in lower case
    could be a verb because of its ending. Between a word in lower case and a noun, it is more likely to be an adjective
    ("die neuen Regeln").
    """
    found = words(sentence)
    if len(found) > _MOST_WORDS_WITHOUT_VERB or sentence.rstrip('“”"»«').endswith("?"):
        return False
    if GRAMMAR.attribution.search(sentence) or GRAMMAR.quoted_report.search(sentence):
        return False
    return not _may_have_verb(found)


def _may_have_verb(found: Sequence[str]) -> bool:
    """Return whether one of the words could be a verb.

    Between a word in lower case and a noun, only a word that ends with "t" could be one, because an adjective has an
    ending there ("entdeckt").
    """
    lower = [before.lower() for before in ("", *found)]
    nouns = [word[:1].isupper() and word.lower() not in GRAMMAR.articles for word in (*found, "")]
    return any(
        _APOSTROPHE.split(word.lower())[0] in GRAMMAR.finite_verbs
        or (
            _POSSIBLE_VERB.fullmatch(word)
            and not GRAMMAR.superlative.search(word)
            and word not in GRAMMAR.function_words | GRAMMAR.adverbs
            and not (lower[place] in GRAMMAR.articles and word.endswith("en") and place == len(found) - 1)
            and (nouns[place - 1] or not nouns[place + 1] or word.endswith("t"))
        )
        for place, word in enumerate(found)
    )


def _has_no_subject(sentence: str) -> bool:
    """Return whether a sentence begins with a conjunction and a verb ("Und ist bis heute bekannt.")."""
    found = words(sentence)[:2]
    if len(found) < 2 or sentence.rstrip('“”"»«').endswith("?"):  # noqa: PLR2004 - a conjunction and a verb
        return False
    return found[0].lower() in GRAMMAR.linking and found[1] in GRAMMAR.finite_verbs


def _ends_in_infinitive(sentence: str) -> bool:
    """Return whether a subordinate clause ends with an infinitive ("wenn es erreicht worden sein")."""
    clauses = (words(clause) for clause in _CLAUSE_MARK.split(sentence))
    return any(
        not GRAMMAR.conjunctions.isdisjoint(word.lower() for word in found[:2])
        and found[-1] in GRAMMAR.infinitives
        and found[-2] != "zu"
        for found in clauses
        if len(found) >= _LEAST_CLAUSE_WORDS
    )


def _contrasts_nothing(sentence: str) -> bool:
    """Return whether the part before a second main clause has no verb ("Das Auto gewiss, aber es kostet mehr.")."""
    match = GRAMMAR.contrasting.search(sentence)
    if match is None or any(mark in sentence[: match.start()] for mark in ":;–"):
        return False
    first, *others = (words(clause) for clause in sentence[: match.start()].split(","))
    if len(first) < _LEAST_CLAUSE_WORDS or first[0].lower() in GRAMMAR.subordinators - GRAMMAR.articles:
        return False
    return not any(_may_have_verb(found) for found in (first, *others) if found is first or not _is_dependent(found))


def _is_dependent(clause: Sequence[str]) -> bool:
    """Return whether a clause surely is a subordinate clause that is not the end of an enumeration."""
    if len(clause) <= 1:
        return False
    first = clause[0].lower()
    if first in GRAMMAR.articles:
        return not clause[1][:1].isupper()
    return first in GRAMMAR.subordinators or (first in GRAMMAR.prepositions and clause[1] in GRAMMAR.relatives)


def _is_noun_phrase(sentence: str) -> bool:
    """Return whether a sentence, or the quotation that opens it, is a noun phrase with relative clauses only.

    For example, "Ein Mann, der alles verlor." and "„Leute, die helfen“, sagt X." have no main clause.
    """
    match = _QUOTE.match(sentence)
    if match is not None and len(words(match["words"])) < _LEAST_QUOTE_WORDS:
        return False
    text = sentence if match is None else match["words"]
    if any(mark in text for mark in ":;–?"):
        return False
    first, *others = (words(clause) for clause in text.split(","))
    relative = bool(others) and others[0][:1] != [] and others[0][0].lower() not in GRAMMAR.conjunctions
    return relative and bool(first) and not _may_have_verb(first) and all(map(_is_dependent, others))


FLAWS: tuple[tuple[str, Callable[[str], bool]], ...] = (
    ("has no end", lambda sentence: _ENDS.search(sentence) is None),
    ("has no beginning", lambda sentence: sentence[:1].islower()),
    ("opens or closes a quotation or bracket without its counterpart", is_unbalanced),
    ("has two punctuation marks in a row", _is_mispunctuated),
    ("is a subordinate clause without a main clause", _is_subordinate),
    ("has no verb", _is_verbless),
    ("has no subject", _has_no_subject),
    ("has a clause without a finite verb", _ends_in_infinitive),
    ("has a part without a verb", lambda sentence: _contrasts_nothing(sentence) or _is_noun_phrase(sentence)),
    ("announces what follows it", lambda sentence: GRAMMAR.announcing.match(sentence) is not None),
)


def flaw(sentence: str) -> str | None:
    """Return a description of what is wrong with the form of a sentence, or None if nothing is wrong.

    The description is a predicate for a message, such as "has no end".
    """
    found = next((name for name, applies in FLAWS if applies(sentence)), None) or grammar_error(sentence)
    return "has a misspelt word" if found is None and GRAMMAR.misspelt.search(sentence) is not None else found


def grammar_error(sentence: str) -> str | None:
    """Return a description of a grammatical error in a sentence, or None. This may take 10 ms."""
    return None if GRAMMAR.error is None else GRAMMAR.error(sentence)


def is_whole(sentence: str) -> bool:
    """Return whether a source sentence is complete: it has at least three words and none of `FLAWS`.

    Summaries contain only complete sentences if there are any. Subheadings and datelines are not complete.
    """
    return count_words(sentence) >= _LEAST_WHOLE_WORDS and not any(applies(sentence) for _, applies in FLAWS)


def _is_unsupported(sentence: str, sources: Sequence[str]) -> bool:
    return bool(unsupported(sentence, sources))


def _changes_negation(sentence: str, sources: Sequence[str]) -> bool:
    """Return whether the rewrite ``sentence`` has lost or added a negation.

    ``sentence`` is compared with its supporting source sentences or, if it has none, with all ``sources``.
    """
    backing = [sources[number] for number in support(sentence, sources)] or sources
    denied = any(_NEGATION.search(source) for source in backing)
    return denied != bool(_NEGATION.search(sentence))


def _repeats(sentence: str, _: Sequence[str]) -> bool:
    """Return whether the sentence contains a pair of adjacent words twice, or the same word twice in a row."""
    found = [word.lower() for word in words(sentence)]
    pairs = list(pairwise(found))
    return len(set(pairs)) < len(pairs) or any(one == other for one, other in pairs)


def repeats_content(sentence: str, _: Sequence[str] = ()) -> bool:
    """Return whether the sentence contains a pair of adjacent words twice, or the same word twice in a row.

    A pair of two different function words may occur twice.
    """
    found = [word.lower() for word in words(sentence)]
    pairs = [pair for pair in pairwise(found) if not GRAMMAR.function_words.issuperset(pair)]
    return len(set(pairs)) < len(pairs) or any(one == other for one, other in pairwise(found))


def _stutters(sentence: str, sources: Sequence[str]) -> bool:
    """Return whether the sentence contains a word twice in a row more often than its sources do."""
    counts = [
        sum(one == other for one, other in pairwise(word.lower() for word in words(text)))
        for text in (sentence, " ".join(sources))
    ]
    return counts[0] > counts[1]


def _has_no_main_verb(sentence: str, _: Sequence[str]) -> bool:
    """Return whether no main clause of the sentence contains a recognised finite verb.

    If this check does not recognise a verb, the rewrite is rejected and a source sentence is used unchanged.
    """
    first, *others = sentence.split(",")
    openers = GRAMMAR.subordinators
    main = [clause for clause in others if (words(clause) or [""])[0].lower() not in openers]
    if (words(first) or [""])[0].lower() not in GRAMMAR.conjunctions or not others:
        main.append(first)
    return not any(_has_finite_verb(clause) for clause in main)


def _has_finite_verb(clause: str) -> bool:
    found = words(clause)
    followers = [*found[1:], ""]
    skipped, known = GRAMMAR.function_words, GRAMMAR.finite_verbs
    return any(
        word in known or (word not in skipped and _FINITE.fullmatch(word) and not follower[:1].isupper())
        for word, follower in zip(found, followers, strict=False)
    )


OBJECTIONS: tuple[tuple[str, Callable[[str, Sequence[str]], bool]], ...] = (
    ("length", _has_odd_length),
    ("fragment", is_fragment),
    ("unbalanced", is_unbalanced),
    ("punctuation", _is_mispunctuated),
    ("subordinate", _is_subordinate),
    ("cut", _is_cut),
    ("unsupported", _is_unsupported),
    ("repetition", _repeats),
    ("negation", _changes_negation),
    ("verbless", _has_no_main_verb),
    ("unattributed", _is_unattributed),
)
OBJECTIONS_TO_RULES: tuple[tuple[str, Callable[[str, Sequence[str]], bool]], ...] = (
    ("fragment", is_fragment),
    ("unbalanced", is_unbalanced),
    ("punctuation", _is_mispunctuated),
    ("subordinate", _is_subordinate),
    ("cut", _is_cut),
    ("stutter", _stutters),
    ("negation", _changes_negation),
    ("unattributed", _is_unattributed),
)
OBJECTIONS_TO_REWORDING: tuple[tuple[str, Callable[[str, Sequence[str]], bool]], ...] = (
    ("length", _has_odd_length),
    ("fragment", is_fragment),
    ("unbalanced", is_unbalanced),
    ("punctuation", _is_mispunctuated),
    ("subordinate", _is_subordinate),
    ("cut", _is_cut),
    ("repetition", repeats_content),
    ("negation", _changes_negation),
    ("verbless", _has_no_main_verb),
    ("unattributed", _is_unattributed),
)
