"""Rules that move, replace or delete a phrase in a German sentence. A rule returns None if it does not apply.

Any single constituent may precede the finite verb of a main clause (Drach, 1937). The rules move a phrase only if it
directly follows the verb and certainly ends before the next constituent, so that it is a whole constituent.

The rules delete only phrases whose two ends are certain, and only phrases that do not restrict what the rest states:

- a bracket, unless it may explain a name: a party ("(SPD)") or an abbreviation that the text may use later
- an aside between two dashes
- a relative clause behind a name, inside the sentence, which cannot restrict the meaning of the name
- an adverb that connects the sentence with others or says that something is no longer new ("zudem", "bereits")
- the noun of a verb phrase that a single verb can replace ("kam ums Leben")
"""

import re

from service.languages.de.clauses import (
    BREAKS,
    FINITE,
    NOUNS,
    PREPOSITIONS,
    QUOTES,
    Token,
    Tokens,
    agrees,
    clause_end,
    continues,
    first_finite,
    has,
    has_loose_relative,
    is_enumerated,
    is_subject,
    lower_initial,
    may_be_genitive,
    skip,
    subject_end,
)

_MOST_SUBJECT = 9
_NON_FINITE = frozenset({"VV(PP)", "VV(INF)", "VV(IZU)", "VA(PP)", "VA(INF)", "VM(INF)", "PTKVZ"})
_FOCUS = frozenset("auch bereits schon erst noch vor allem insbesondere überwiegend".split())
_NEXT = frozenset({"ADV", "ADJ(D)", "PTKNEG", "ART", "PPOSAT", "PIAT"}) | _NON_FINITE
_CIRCUMPOSITIONS = frozenset(
    "an aus hinaus hinweg entlang hindurch her hin herum heraus aufwärts zufolge zuliebe".split()
)
_EXCLUDING = frozenset({"außer", "statt", "ohne"})
_PLACE_TOKENS = 2  # "in Berlin"
_COPULAS = frozenset("ist sind war waren bleibt blieb wird wurde heißt hieß".split())
_AMOUNTS = frozenset("Million Millionen Milliarde Milliarden Prozent Euro Uhr Meter Kilometer".split())
_ATTRIBUTIVE = frozenset("für von mit aus".split())
"""Prepositions that usually begin an attribute of the noun before them."""
_PASSIVES = frozenset("wird werden wurde wurden worden".split())
_NUMBERED = frozenset("Jahr Jahre Platz Rang Gruppe Artikel Paragraf Kapitel".split())
# These nouns form a light-verb construction with a preposition and a verb ("in Kraft treten").
_LIGHT = frozenset(
    "Kraft Frage Anspruch Betracht Verfügung Leben Einsatz Betrieb Druck Not Stande Gang Kauf Rolle Spiel Hand Sicht"
    " Rede Ruhe Bewegung Gefahr Ende Tage Wort Ausdruck Schau Wehr Grunde Auge Weg Griff Wanken Acht Bezug"
    " Kenntnis".split()
)
_REPORTED_MIDDLE = 4
_CIRCUMSTANCES = frozenset("nach bei beim seit während wegen trotz angesichts aufgrund anlässlich infolge".split())
"""Prepositions that begin a circumstance, which reads well before the verb. Others often belong to the verb."""


def _rest_of_subject(tokens: Tokens, verb: int, start: int) -> list[Token]:
    """Return the subject and the reflexive pronoun in the order that they have if both follow the verb."""
    subject = [lower_initial(tokens[0])._replace(spaced=True), *tokens[1:verb]]
    reflexive = tokens[verb + 1 : start]
    return [*subject, *reflexive] if subject[0].tag in {"PPER", "PIS"} else [*reflexive, *subject]


def _opening(tokens: Tokens) -> tuple[int, int] | None:
    """Return the indices of the finite verb and of the constituent after it.

    The result is None unless the sentence begins with a simple subject and its verb, and ends with a full stop. It is
    also None if a second verb may share the subject, or if a relative clause follows that is not directly after its
    noun.
    """
    verb = first_finite(tokens)
    if not verb or verb > _MOST_SUBJECT or has(tokens[: verb + 1], BREAKS | QUOTES | {","}) or tokens[-1].text != ".":
        return None
    if not is_subject(tokens, verb) or (tokens[0].text in {"Es", "Das", "Dies"} and verb == 1):
        return None
    if continues(tokens, verb) or has_loose_relative(tokens, verb):
        return None
    return verb, skip(tokens, verb + 1, frozenset({"PRF"}))


def phrase_first(tokens: Tokens) -> list[Token] | None:
    """Move the prepositional phrase after the verb to the beginning ("X sprach mit Y" to "Mit Y sprach X")."""
    opening = _opening(tokens)
    if opening is None:
        return None
    verb, start = opening
    preposition = skip(tokens, start, frozenset({"ADV"}))
    if any(token.text not in _FOCUS for token in tokens[start:preposition]):
        return None
    end = _prepositional_end(tokens, preposition)
    if end is None or not _ends_surely(tokens, preposition, end) or not _is_circumstance(tokens[preposition:end]):
        return None
    last = end + 1 == len(tokens)
    if tokens[verb].text in _COPULAS and (last or tokens[end].tag not in _NON_FINITE):
        return None
    in_parts = has(tokens[verb : clause_end(tokens, verb)], QUOTES | BREAKS) or is_enumerated(tokens, end)
    if in_parts or has(tokens[preposition:end], _LIGHT):
        return None
    return [*tokens[start:end], tokens[verb], *_rest_of_subject(tokens, verb, start), *tokens[end:]]


def _is_circumstance(phrase: Tokens) -> bool:
    """Return whether a prepositional phrase names a place by its name, or begins like a circumstance."""
    is_place = phrase[0].text in {"in", "im"} and phrase[-1].tag == "NE"
    return is_place or phrase[0].text in _CIRCUMSTANCES


def _prepositional_end(tokens: Tokens, start: int) -> int | None:
    """Return the index after the prepositional phrase that starts at ``start``, or None.

    The phrase consists of a preposition, a noun with its determiner, adjectives and name, and attributes in the
    genitive or with "von".
    """
    if (
        start >= len(tokens)
        or tokens[start].tag not in PREPOSITIONS
        or tokens[start].text in {"außer", "statt", "ohne"}
    ):
        return None
    noun = skip(tokens, start + 1, frozenset({"ART", "PPOSAT", "PDAT", "PIAT", "ADJ(A)", "CARD"}))
    if tokens[start + 1].text in {"der", "die", "das", "dem", "den"} and noun == len(tokens):
        return None
    end = _nouns_end(tokens, noun)
    while end is not None and end < len(tokens):
        token = tokens[end]
        if not may_be_genitive(token) and not _is_quantity(tokens, end):
            return end
        if tokens[end - 1].tag == "NE" and token.text.startswith("ein"):  # after a name, a dative
            return end
        end = _nouns_end(tokens, skip(tokens, end + 1, frozenset({"ART", "PPOSAT", "PDAT", "ADJ(A)", "CARD"})))
    return end


def _is_quantity(tokens: Tokens, place: int) -> bool:
    """Return whether "von" at ``place`` begins an attribute, because a number or a name without an article follows.

    The result is False in a passive, in which the phrase may name the agent.
    """
    return tokens[place].text == "von" and tokens[place + 1].tag in {"CARD", "NE"} and not has(tokens, _PASSIVES)


def _nouns_end(tokens: Tokens, noun: int) -> int | None:
    """Return the index after the noun at ``noun``, its name, and its number ("Platz 24"), or None without a noun."""
    if noun >= len(tokens) or tokens[noun].tag not in NOUNS:
        return None
    end = noun + 1
    while end < len(tokens) and (
        tokens[end].tag in {"NE", "FM"} or (tokens[end].tag in NOUNS and tokens[end - 1].text in _AMOUNTS)
    ):
        end += 1
    is_numbered = tokens[end - 1].text in _NUMBERED and end + 1 < len(tokens) and tokens[end + 1].tag not in NOUNS
    return end + (is_numbered and tokens[end].tag == "CARD")


def _ends_surely(tokens: Tokens, start: int, end: int) -> bool:
    """Return whether the phrase that starts at ``start`` certainly ends before the index ``end``."""
    token = tokens[end]
    if token.text in _CIRCUMPOSITIONS or any(one.tag == "PPOSAT" for one in tokens[start:end]):
        return False  # a possessive pronoun would precede the noun to which it refers
    if token.text[0].isupper():  # a part of a name
        return False
    if token.tag in _NEXT or token.text == ".":
        return token.text not in {"als", "wie"}
    is_place = tokens[end - 1].tag == "NE" and end - start == _PLACE_TOKENS
    return is_place and token.tag in PREPOSITIONS and token.text not in {"von", "aus", "bei"}


def without_expletive(tokens: Tokens) -> list[Token] | None:
    """Replace the expletive "es" of a passive with the subject ("Es wurde ein Lager eingerichtet")."""
    if tokens[0].text != "Es" or (tokens[1:2] and tokens[1].text not in _PASSIVES) or tokens[-1].text != ".":
        return None
    end = subject_end(tokens, 2)
    if end is None or not agrees(tokens[1], tokens[2]) or tokens[2].tag in {"PPER", "PIS"}:
        return None
    stop = clause_end(tokens, 1)
    if tokens[stop - 1].tag != "VV(PP)" or has(tokens, BREAKS | QUOTES) or has(tokens[:stop], frozenset({"zu"})):
        return None
    if end < stop - 1 and tokens[end].tag not in PREPOSITIONS | {"ADV", "ADJ(D)"}:
        return None
    if tokens[end].tag in PREPOSITIONS and tokens[end].text in _ATTRIBUTIVE:
        end = stop - 1
    return [*tokens[2:end], tokens[1], *tokens[end:]]


_EQUATIVES = frozenset("ist sind war waren".split())
_IN_PHRASES = NOUNS | PREPOSITIONS | {"ART", "ADJ(A)", "CARD", "PPOSAT", "PIAT", "PDAT", "KON"}


def predicate_last(tokens: Tokens) -> list[Token] | None:
    """Exchange a predicate and its subject ("Sieger des Turniers ist Peter Sy" to "Peter Sy ist Sieger des Turniers").

    The predicate is a noun without a determiner that has an attribute. The subject ends with a name: with other
    subjects, the new order sounds stiff.
    """
    verb = first_finite(tokens)
    if (
        not verb
        or tokens[verb].text not in _EQUATIVES
        or tokens[-1].text != "."
        or has(tokens, BREAKS | QUOTES | {","})
    ):
        return None
    start = verb + 1 + (tokens[verb + 1].text == "auch")
    subject = tokens[start:-1]
    end = subject_end(tokens, start)
    if end is None or any(token.tag not in _IN_PHRASES for token in subject) or not agrees(tokens[verb], subject[0]):
        return None
    is_noun = tokens[0].tag == "NN" and verb > 1 and (may_be_genitive(tokens[1]) or tokens[1].text == "für")
    if not is_noun or subject[-1].tag != "NE":
        return None
    front = [lower_initial(tokens[0])._replace(spaced=True), *tokens[1:verb]]
    return [*tokens[verb + 1 : -1], tokens[verb]._replace(spaced=True), *front, tokens[-1]]


_SPEAKING = re.compile(
    r"(?:sagte|erklärte|betonte|meinte|antwortete|entgegnete|ergänzte|berichtete|warnte|kritisierte|schrieb|erläuterte"
    r"|versicherte|behauptete|forderte|sagt|erklärt|betont|meint|antwortet|warnt|ergänzt)(?:n|en)?"
)
_MOST_SPEAKER = 16


def speaker_last(tokens: Tokens) -> list[Token] | None:
    """Move the speaker to the end of a statement ("X sagte: „A.“" to "„A“, sagte X.")."""
    verb = first_finite(tokens)
    if not verb or _SPEAKING.fullmatch(tokens[verb].text) is None or has(tokens[:verb], BREAKS | QUOTES | {","}):
        return None
    mark = next((n for n in range(verb, len(tokens)) if tokens[n].text in {":", ","}), None)
    if mark is None or mark > _MOST_SPEAKER:
        return None
    speaker = _speaker(tokens, verb, mark)
    if speaker is None or has(tokens[verb:mark], frozenset({"dass", "ob", "und", "oder"}) | BREAKS | QUOTES):
        return None
    if any(token.tag == "PTKVZ" or (token.tag == "PROAV" and tokens[mark].text == ",") for token in tokens[verb:mark]):
        return None
    speech = tokens[mark + 1 :]
    made = _quotation(speech) if tokens[mark].text == ":" else _reported(speech)
    if made is None:
        return None
    comma = Token(",", ",", "$,", spaced=False)
    stop = Token(".", ".", "$.", spaced=False)
    return [*made, comma, *speaker, stop]


def _speaker(tokens: Tokens, verb: int, mark: int) -> list[Token] | None:
    """Return the verb and the speaker in the order that they have after a statement.

    Return None if the structure of the speaker is not simple.
    """
    behind = tokens[verb + 1 : mark]
    if is_subject(tokens, verb):
        subject = [lower_initial(tokens[0])._replace(spaced=True), *tokens[1:verb]]
        return [tokens[verb], *subject, *behind]
    end = subject_end(tokens, verb + 1)
    if end != mark or tokens[0].tag not in PREPOSITIONS or not agrees(tokens[verb], tokens[verb + 1]):
        return None
    return [tokens[verb], *behind, lower_initial(tokens[0])._replace(spaced=True), *tokens[1:verb]]


def _quotation(speech: Tokens) -> list[Token] | None:
    """Return a quotation without its full stop, or None unless the speech is one quotation of one sentence.

    Return None also if the speech has fewer than four tokens.
    """
    body = speech[:-1] if speech[-1].text == "." else speech
    places = [n for n, token in enumerate(body) if token.text in QUOTES]
    if places != [0, len(body) - 1] or len(body) < _REPORTED_MIDDLE:
        return None
    if has(body[1:-2], frozenset({".", "?", "!", "…"})):
        return None
    inner = body[1:-2] if body[-2].text == "." else body[1:-1]
    return [body[0], *inner, body[-1]]


_MAIN_BEGINNINGS = frozenset(
    "der die das ein eine kein keine dieser diese dieses man viele alle mehrere einige beide es".split()
)


def _reported(speech: Tokens) -> list[Token] | None:
    """Return a reported main clause ("die Zahl sei gestiegen") without its full stop, or None."""
    if speech[-1].text != "." or has(speech, BREAKS | QUOTES):
        return None
    verb = first_finite(speech)
    if not verb or verb > _MOST_SUBJECT or has(speech[:verb], frozenset({","})):
        return None
    first = speech[0]
    if first.text not in _MAIN_BEGINNINGS and first.tag not in {"NN", "NE", "CARD"}:
        return None
    if not is_subject(speech, verb) or speech[verb + 1].text in {",", "."}:
        return None
    return [first._replace(spaced=False), *speech[1:-1]]


_SOURCES = frozenset("Angaben Informationen Berichten Schätzungen Medienberichten Medienangaben Erkenntnissen".split())


def source_of_statement(tokens: Tokens) -> list[Token] | None:
    """Replace "zufolge" before the verb ("Ersten Angaben zufolge" to "Nach ersten Angaben")."""
    verb = first_finite(tokens)
    if not verb or verb > _MOST_SUBJECT or has(tokens[:verb], BREAKS | QUOTES | {","}):
        return None
    front = tokens[:verb]
    if front[-1].text != "zufolge" or len(front) == 1:
        return None
    head = Token("Nach" if has(front, _SOURCES) else "Laut", "nach", "APPR", spaced=False)
    return [head, lower_initial(front[0])._replace(spaced=True), *front[1:-1], *tokens[verb:]]


_MOST_IN_BRACKETS = 9
_MOST_IN_DASHES = 16
_MOST_IN_RELATIVE = 10
_DASHES = frozenset({"–", "—", "-"})
_ABBREVIATION = re.compile(r"[A-ZÄÖÜ][\w./-]*[A-ZÄÖÜ]\w*")


def without_bracket(tokens: Tokens) -> list[Token] | None:
    """Delete the only bracket of a sentence with its content, if the content is short and explains no name."""
    opening = [n for n, token in enumerate(tokens) if token.text == "("]
    closing = [n for n, token in enumerate(tokens) if token.text == ")"]
    if len(opening) != 1 or len(closing) != 1 or has(tokens, QUOTES):
        return None
    start, end = opening[0], closing[0]
    if start == 0 or not tokens[start].spaced or not 1 < end - start <= _MOST_IN_BRACKETS:
        return None
    if any(_ABBREVIATION.fullmatch(token.text) or token.tag == "NE" for token in tokens[start + 1 : end]):
        return None
    after = tokens[end + 1 : end + 2]
    if after and (after[0].text == "," or (after[0].text[0].isalnum() and not after[0].spaced)):
        return None  # the comma may be part of the bracket's clause, and the bracket may be part of a word
    return [*tokens[:start], *tokens[end + 1 :]]


def without_aside(tokens: Tokens) -> list[Token] | None:
    """Delete the only aside between two dashes, with the dashes."""
    dashes = [n for n, token in enumerate(tokens) if token.text in _DASHES]
    if len(dashes) != 2 or has(tokens, QUOTES | {":"}):  # noqa: PLR2004 - one dash on either side
        return None
    start, end = dashes
    if start < 2 or end + 1 >= len(tokens) or not 1 < end - start <= _MOST_IN_DASHES:  # noqa: PLR2004
        return None
    if not all(tokens[n].spaced for n in (start, start + 1, end)) or tokens[start + 1].text in {"und", "oder", "aber"}:
        return None
    after = tokens[end + 1]
    if not after.spaced and after.text != ",":
        return None
    return [*tokens[:start], *tokens[end + 1 :]]


_AFTER_RELATIVE = FINITE | {"VV(PP)", "VV(INF)", "PTKVZ"}
_RELATIVES = frozenset("der die das dem den dessen deren denen".split())


def without_relative(tokens: Tokens) -> list[Token] | None:
    """Delete the first relative clause that follows a name directly ("Wolfsburg, das am Samstag verlor, …")."""
    for comma in range(2, len(tokens) - 2):
        if tokens[comma].text != "," or tokens[comma - 1].tag != "NE":
            continue
        end = _relative_end(tokens, comma + 1)
        # Without the clause, no comma may separate the verb from what precedes it.
        if end is None or has(tokens[:comma], frozenset({","})) or tokens[end].tag not in _AFTER_RELATIVE:
            continue
        return [*tokens[:comma], *tokens[end:]]
    return None


def _relative_end(tokens: Tokens, start: int) -> int | None:
    """Return the index after a relative clause from ``start`` on and after its final comma, or None."""
    pronoun = start + (tokens[start].tag in PREPOSITIONS)
    if tokens[pronoun].tag not in {"PRELS", "PRELAT"} or tokens[pronoun].text not in _RELATIVES:
        return None
    end = next((n for n in range(start, len(tokens) - 1) if tokens[n].text == ","), None)
    if end is None or tokens[end - 1].tag not in FINITE or end - start > _MOST_IN_RELATIVE:
        return None
    if has(tokens[start:end], QUOTES | _DASHES | {":", "(", ")"}):
        return None
    return end + 1


_CONNECTIVES = frozenset("zudem außerdem ferner überdies ebenso zugleich gleichzeitig wiederum übrigens".split())
_NO_LONGER_NEW = frozenset("bereits schon".split())
_FRONTS = (
    ("darüber", "hinaus"),
    ("zudem",),
    ("außerdem",),
    ("ferner",),
    ("überdies",),
    ("zugleich",),
    ("gleichzeitig",),
    ("unterdessen",),
    ("derweil",),
)
_BEFORE_ADVERB = FINITE | NOUNS | {"PRF", "PPER"}
_AFTER_ADVERB = PREPOSITIONS | {"ART", "PPOSAT", "PIAT", "CARD", "ADJ(A)", "NN", "NE"}


def without_connective(tokens: Tokens) -> list[Token] | None:
    """Delete an adverb that connects the sentence with others, at its beginning or behind its verb."""
    front = next((words for words in _FRONTS if _begins(tokens, words)), None)
    if front is not None:
        return _with_subject_first(tokens, len(front))
    verb = first_finite(tokens)
    if not verb:
        return None
    words = _CONNECTIVES | _NO_LONGER_NEW
    place = next((n for n in range(verb + 1, len(tokens) - 2) if tokens[n].text in words), None)
    if place is None or not _is_loose(tokens, place):
        return None
    return [*tokens[:place], *tokens[place + 1 :]]


def _begins(tokens: Tokens, words: tuple[str, ...]) -> bool:
    return tuple(token.text.lower() for token in tokens[: len(words)]) == words


def _is_loose(tokens: Tokens, place: int) -> bool:
    """Return whether the adverb at ``place`` belongs to the whole clause and not to a neighbouring phrase."""
    word, before, after = tokens[place].text, tokens[place - 1], tokens[place + 1]
    quotes = [n for n, token in enumerate(tokens) if token.text in QUOTES]
    if quotes and quotes[0] < place < quotes[-1]:
        return False
    if word in _NO_LONGER_NEW and after.tag in {"CARD", "ART", "ADJ(A)", "NN", "NE"}:
        return False  # "bereits drei" and "schon der Versuch" stress the phrase
    return before.tag in _BEFORE_ADVERB and after.tag in _AFTER_ADVERB


def _with_subject_first(tokens: Tokens, verb: int) -> list[Token] | None:
    """Delete the words before the verb, and move the subject behind the verb to the beginning."""
    if verb >= len(tokens) or tokens[verb].tag not in FINITE or tokens[-1].text != ".":
        return None
    start = skip(tokens, verb + 1, frozenset({"PRF"}))
    end = subject_end(tokens, start)
    if end is None or not agrees(tokens[verb], tokens[start]) or tokens[start].text in {"es", "kein", "keine"}:
        return None
    if (
        tokens[start].tag == "PIS"
        or may_be_genitive(tokens[end])
        or tokens[end].tag in NOUNS | {"CARD", "KON", "KOKOM"}
    ):
        return None
    if tokens[end].tag in PREPOSITIONS and any(token.tag not in {"NE", "PPER"} for token in tokens[start:end]):
        return None  # the phrase may be an attribute of the subject
    if tokens[end].text in {",", "."} or not _is_nominative(tokens[start:end], tokens[end]):
        return None
    return [*tokens[start:end], tokens[verb], *tokens[verb + 1 : start], *tokens[end:]]


def _is_nominative(subject: Tokens, after: Token) -> bool:
    """Return whether the phrase is surely the subject, because no article of another case or gender follows."""
    if subject[0].text == "der":
        return after.tag != "ART" or after.text in {"den", "einen", "dem", "einem"}
    return after.tag not in {"ART", "PPOSAT", "PIAT"} or after.text in {"den", "einen", "dem", "einem"}


_DIED = {"kam": "starb", "kamen": "starben"}


def with_simple_verb(tokens: Tokens) -> list[Token] | None:
    """Replace "kam … ums Leben" with "starb"."""
    verb = first_finite(tokens)
    if verb is None or tokens[verb].text not in _DIED:
        return None
    end = next((n for n in range(verb, len(tokens) - 2) if tokens[n + 2].text in {".", ","}), len(tokens))
    if end == len(tokens) or [token.text for token in tokens[end : end + 2]] != ["ums", "Leben"]:
        return None
    return [
        *tokens[:verb],
        tokens[verb]._replace(text=_DIED[tokens[verb].text]),
        *tokens[verb + 1 : end],
        *tokens[end + 2 :],
    ]
