"""Rules that change the word order of a German sentence without changing its words.

A main clause has one constituent before its finite verb (Drach, 1937). The rules exchange this constituent and another
one. They apply only if the structure of the sentence is simple, and return None otherwise.
"""

import re

from service.languages.de.clauses import (
    BREAKS,
    FINITE,
    NOUNS,
    PREPOSITIONS,
    QUOTES,
    REPORTING,
    Token,
    Tokens,
    agrees,
    clause_end,
    continues,
    first_finite,
    has,
    has_loose_relative,
    is_subject,
    joined,
    lower_initial,
    may_be_genitive,
    skip,
    subject_end,
)

_MOST_FRONT = 14
_MOST_SUBJECT = 9
_FRONT_TAGS = (
    PREPOSITIONS | NOUNS | {"ART", "ADJ(A)", "ADJ(D)", "CARD", "ADV", "PROAV", "PDAT", "PPOSAT", "PIAT", "APPO"}
)
_FRONT_ENDS = NOUNS | {"CARD", "APPO", "ADV"}
# These words belong to the part that follows them ("rund 100 Menschen"), or they connect sentences.
_NO_ADVERBIAL = frozenset(
    "nur auch erst selbst sogar nicht kaum zwar doch denn aber und oder sondern so da dann wie als je nämlich von"
    " vom über an bis gegen rund etwa knapp fast mehr weniger mindestens höchstens ca. insgesamt beide entweder"
    " weder ob wer was warum wo wann eben gerade ausgerechnet statt außer weit viel ebenso noch umso desto nun"
    " unter weiter weiters ferner insbesondere besonders speziell hauptsächlich insofern".split()
)
# With these verbs, "der" may introduce an object in the dative.
_DATIVE = re.compile(
    r"(?:.*ge[bg]|.*gib|.*gab|.*lief|.*h[aeio]l[f]|.*droh|.*stimm|.*weiger|.*b[ieo]+t|.*schenk|.*l[ie]+h|.*teil|.*w[aeio]rf|.*dank"
    r"|.*folg|gehör|gel[au]ng|gef[ai]l|.*laub|.*sag|.*sp[r][aeo]ch|.*reich|.*räum|.*z[io][eg]|.*n[aeio]h?m|.*schad|.*dien|.*k[ao]m"
    r"|.*fehl|.*gegn|.*gl[ie]+ch|.*trau|.*schl[aou][gs]|.*schein|.*möglich|.*l[ae]g|.*l[aä]ss|.*zeig|.*br[aei]+ch|.*bring)",
    re.IGNORECASE,
)
_COPULAS = frozenset("ist sind war waren bleibt bleiben blieb blieben wird werden".split())
_COPULA_INFINITIVES = frozenset({"sein", "werden", "bleiben"})
_IMPERSONAL = frozenset("gibt gab kam kommt handelt handelte geht ging".split())
_ADVERBIAL_PREPOSITIONS = frozenset("in im am bei beim seit während ab wegen trotz ins laut".split())
_ORIGINS = frozenset({"aus", "von", "vom"})
"""After a noun or name, these prepositions usually begin an attribute."""
_OBJECT_ARTICLES = frozenset("den einen eine ein das die dem einem".split())
_AMBIGUOUS_ARTICLES = frozenset("die das eine ein".split())
_REPORTED_BEGINNINGS = frozenset("dass ob er sie es man wie".split())
_OBJECT_PRONOUNS = frozenset("ihn ihm ihnen ihr es sie uns".split())


def subject_first(tokens: Tokens) -> list[Token] | None:
    """Exchange an adverbial before the verb and the subject after it ("Am Montag kam X" to "X kam am Montag")."""
    verb = first_finite(tokens)
    if not verb or has_loose_relative(tokens, verb) or not _is_adverbial(tokens[:verb]):
        return None
    pronouns = skip(tokens, verb + 1, frozenset({"PRF"}))
    if tokens[pronouns : pronouns + 1] and tokens[pronouns].text in {"auch", "nur"}:
        return _focused_subject_first(tokens, verb, pronouns)
    end = _movable_subject_end(tokens, verb, pronouns)
    if end is None:
        return None
    after = next((n for n in range(end, len(tokens)) if not _is_object_pronoun(tokens[n])), len(tokens))
    moved = [*tokens[verb + 1 : pronouns], *tokens[end:after]]
    if not _may_follow(tokens, after, verb, tokens[pronouns:end]) or not _is_separable(tokens, after, verb):
        return None
    without_predicate = tokens[verb].text in _COPULAS and tokens[after].text == "."
    if without_predicate or tokens[after].text in _COPULA_INFINITIVES:  # the subject seems to include the predicate
        return None
    front = [lower_initial(tokens[0])._replace(spaced=True), *tokens[1:verb]]
    time = None if _is_known_adverbial(front) else _adverbial_end(tokens, after)
    if time is None or not _may_stay(tokens, time, verb):
        time = after
    return [*tokens[pronouns:end], tokens[verb], *moved, *tokens[after:time], *front, *tokens[time:]]


def _is_known_adverbial(front: Tokens) -> bool:
    return _ADVERBIAL.fullmatch(joined(front)) is not None or len(front) == 1


def _is_separable(tokens: Tokens, place: int, verb: int) -> bool:
    """Return whether the words from index ``place`` on cannot be read as an attribute of the adverbial before the verb.

    After the exchange, these words directly follow the adverbial. A prepositional phrase could be read as an attribute
    of a noun at its end.
    """
    front = [lower_initial(tokens[0]), *tokens[1:verb]]
    if tokens[verb].text.startswith("handel"):
        return True
    return tokens[place].tag not in PREPOSITIONS or front[-1].tag not in {"NN", "NNA"} or _is_known_adverbial(front)


def _focused_subject_first(tokens: Tokens, verb: int, focus: int) -> list[Token] | None:
    """Exchange an adverbial and a subject with "auch" or "nur" before it."""
    end = _movable_subject_end(tokens, verb, focus + 1)
    if end is None or tokens[focus + 1].tag in {"PPER", "PIS"}:
        return None
    if not _may_follow(tokens, end, verb, tokens[focus + 1 : end]) or not _is_separable(tokens, end, verb):
        return None
    front = [lower_initial(tokens[0])._replace(spaced=True), *tokens[1:verb]]
    return [*tokens[focus:end], tokens[verb], *tokens[verb + 1 : focus], *front, *tokens[end:]]


_TIME = re.compile(
    r"(?:(?:Anfang|Mitte|Ende) (?:der Woche|des (?:Jahres|Monats)|(?:19|20)\d\d|[A-Z]\w+)"
    r"|(?:Vergangene|Letzte|Kommende|Nächste|Diese|Vorige) Woche|(?:Vergangenes|Letztes|Kommendes|Nächstes|Dieses) Jahr"
    r"|(?:Wenig|Wenige \w+|Ein \w+|Eine \w+|Zwei \w+|Drei \w+|Kurz|Kurze Zeit) (?:später|zuvor|danach|darauf))"
)


def _is_adverbial(front: Tokens) -> bool:
    """Return whether ``front`` is an adverbial that may follow the verb.

    It may be a common adverbial such as "am Montag", a single adverb, or one or more prepositional phrases with adverbs
    before them.
    """
    if _TIME.fullmatch(joined(front)) or _ADVERBIAL.fullmatch(joined([lower_initial(front[0]), *front[1:]])):
        return True
    if len(front) > _MOST_FRONT or has(front, BREAKS | QUOTES) or front[0].text.lower() in _NO_ADVERBIAL:
        return False
    if any(token.tag not in _FRONT_TAGS and token.text != "und" for token in front):
        return False
    phrase = skip(front, 0, frozenset({"ADV", "PROAV"}))
    if phrase == len(front):
        return phrase == 1
    return (
        front[phrase].tag in PREPOSITIONS
        and front[phrase].text.lower() not in _NO_ADVERBIAL
        and front[-1].tag in _FRONT_ENDS
    )


def _movable_subject_end(tokens: Tokens, verb: int, start: int) -> int | None:
    """Return the index after a subject that may precede the verb at index ``verb``, or None.

    A pronoun is not moved if it would then precede a noun to which it may refer. A phrase with "der" or "einer" is not
    moved if it may be an object in the dative.
    """
    end = subject_end(tokens, start)
    if end is None or not agrees(tokens[verb], tokens[start]) or tokens[start].text in {"kein", "keine"}:
        return None
    if tokens[start].tag in {"PPER", "PIS"}:
        is_free = tokens[start].text in {"man", "wir"} or verb == 1
        return end if is_free or (tokens[start].text == "es" and tokens[verb].text in _IMPERSONAL) else None
    verbs = [token.text for token in tokens[verb : clause_end(tokens, verb)] if token.tag.startswith("VV")]
    has_dative = any(map(_DATIVE.match, verbs)) and REPORTING.match(tokens[verb].text) is None
    articles = [token.text for token in tokens[start:end]]
    return None if has_dative and ("der" in articles or "einer" in articles[1:]) else end


def _is_object_pronoun(token: Token) -> bool:
    return token.tag == "PRF" or (token.tag == "PPER" and token.text in _OBJECT_PRONOUNS)


def _may_follow(tokens: Tokens, place: int, verb: int, subject: Tokens) -> bool:
    """Return whether the subject certainly ends before the token at the index ``place``."""
    if place >= len(tokens) or may_be_genitive(tokens[place]) or tokens[place].tag == "CARD":
        return False
    token, following = tokens[place], tokens[min(place + 1, len(tokens) - 1)]
    if token.text == ",":
        return REPORTING.match(tokens[verb].text) is not None and following.text in _REPORTED_BEGINNINGS
    if token.tag in PREPOSITIONS:  # after a common noun, it may begin an attribute
        is_name = subject[-1].tag in {"NE", "FM"} and token.text not in _ORIGINS
        return is_name or token.text in _ADVERBIAL_PREPOSITIONS or subject[0].tag in {"PPER", "PIS"}
    if token.tag in {"ART", "ADJ(A)", "PIAT", "PPOSAT"}:
        return _is_object_after(subject, token)
    return token.tag not in NOUNS | {"KON", "KOKOM", "APPO"} and token.text not in BREAKS | QUOTES | {"zufolge"}


def _is_object_after(subject: Tokens, first: Token) -> bool:
    """Return whether an object begins with the token ``first`` after the subject. The case of both must be clear."""
    is_masculine = subject[0].text.lower() == "der"
    if first.tag == "ART":
        is_clear = is_masculine or subject[0].tag in NOUNS
        return first.text in _OBJECT_ARTICLES and (is_clear or first.text not in _AMBIGUOUS_ARTICLES)
    may_be_attribute = first.text.endswith("er")  # "illegaler Dateien" may be a genitive
    return is_masculine and not may_be_attribute and not any(t.text == "der" or t.tag == "CARD" for t in subject[1:])


_DAY = (
    r"(?:Montag|Dienstag|Mittwoch|Donnerstag|Freitag|Samstag|Sonnabend|Sonntag)"
    r"(?:morgen|vormittag|mittag|nachmittag|abend|nacht)?"
)
_MONTH = r"(?:Januar|Jänner|Februar|März|April|Mai|Juni|Juli|August|September|Oktober|November|Dezember)"
_NEAR = r"(?:(?:gestrigen|heutigen|vergangenen|letzten|kommenden|nächsten|späten|frühen|laufenden) )?"
_SEASON = r"(?:Sommer|Herbst|Winter|Frühjahr)"
_PERIODS = r"(?:Minuten|Stunden|Tagen|Wochen|Monaten|Jahren)"
_COUNT = r"(?:\d+|zwei|drei|vier|fünf|sechs|sieben|acht|neun|zehn|elf|zwölf|einigen|wenigen|mehreren|vielen)"
_YEAR = r"(?:19|20)\d\d"
_WHICH = r"(?:dieses|letzten|vergangenen|kommenden|nächsten|vorigen)"
_TOWN = (
    r"(?:Berlin|Hamburg|München|Köln|Frankfurt|Brüssel|Wien|Washington|London|Paris|Moskau|Bern|Zürich|Genf|Straßburg|Kiew"
    r"|Karlsruhe|Stuttgart|Düsseldorf|Leipzig|Dresden|Hannover|Bremen|Mainz|Wiesbaden|Potsdam|Peking|Rom|Madrid)"
)
_ADVERBS = (
    "allerdings|inzwischen|zudem|außerdem|derzeit|zurzeit|zuletzt|künftig|anschließend|daraufhin|danach|zunächst|später"
    "|deshalb|daher|unterdessen|mittlerweile|damals|bislang|bisher|demnach|dadurch|zugleich|gleichzeitig|dennoch|trotzdem"
    "|vorerst|dort|seitdem|seither|ursprünglich|aktuell|vermutlich|offenbar|möglicherweise|angeblich|schließlich|nun"
)
_ADVERBIAL = re.compile(
    r"(?:(?:auch|bereits|schon|erst|noch) )?(?:"
    rf"(?:am|seit|ab|bis) {_NEAR}{_DAY}(?: (?:abend|morgen|vormittag|nachmittag|mittag))?"
    rf"|am {_NEAR}(?:\d\d?\. {_MONTH}(?: \d{{4}})?|Abend|Morgen|Nachmittag|Vormittag|Mittag|Wochenende)"
    rf"|(?:im|seit|ab) {_NEAR}(?:Jahre? \d{{4}}|{_MONTH}(?: \d{{4}}| {_WHICH} Jahres)?|{_SEASON}|Jahr|Monat)"
    rf"|in diesem (?:Jahr|Monat|{_SEASON})|in dieser Woche|seit \d{{4}}|seit Jahren"
    rf"|in den {_NEAR}(?:{_COUNT} )?{_PERIODS}|(?:vor|nach|seit|innerhalb von) {_COUNT} {_PERIODS}"
    rf"|in der Nacht (?:zu|auf|zum)(?: den| dem)? {_DAY}|in der {_NEAR}(?:Woche|Saison)"
    rf"|{_YEAR}|von {_YEAR} bis {_YEAR}"
    r"|(?:um|gegen|seit|ab) \d\d?(?:[.:]\d\d)? Uhr(?: Ortszeit| \w+er Zeit)?"
    rf"|vor Ort|unter anderem|im Anschluss|im Gegenzug|darüber hinaus|in {_TOWN}"
    r"|laut [A-ZÄÖÜ]\w+|nach eigenen Angaben|nach Angaben de[rs] [A-ZÄÖÜ]\w+"
    rf"|(?:gestern|heute)(?: (?:Morgen|Vormittag|Mittag|Nachmittag|Abend|Nacht))?|{_ADVERBS})(?![^ ,.])"
)


def adverbial_first(tokens: Tokens) -> list[Token] | None:
    """Exchange the subject and a common adverbial after the verb ("X kam am Montag" to "Am Montag kam X")."""
    verb = first_finite(tokens)
    if not verb or verb > _MOST_SUBJECT or has(tokens[: verb + 1], BREAKS | QUOTES | {","}):
        return None
    if not is_subject(tokens, verb) or continues(tokens, verb):
        return None
    start = skip(tokens, verb + 1, frozenset({"PRF"}))
    end = _adverbial_end(tokens, start)
    if end is None or not _may_stay(tokens, end, verb):
        return None
    subject = [lower_initial(tokens[0])._replace(spaced=True), *tokens[1:verb]]
    reflexive = tokens[verb + 1 : start]
    rest = [*subject, *reflexive] if subject[0].tag in {"PPER", "PIS"} else [*reflexive, *subject]
    return [*tokens[start:end], tokens[verb], *rest, *tokens[end:]]


def _adverbial_end(tokens: Tokens, start: int) -> int | None:
    """Return the index after the adverbial that begins at ``start``, or None if there is none.

    Only listed adverbials such as "am Montag" are found. They must end at the end of a token.
    """
    match = _ADVERBIAL.match(joined(tokens[start:]) + " ")
    ends = range(start + 1, len(tokens))
    return None if match is None else next((n for n in ends if joined(tokens[start:n]) == match.group()), None)


def _may_stay(tokens: Tokens, place: int, verb: int) -> bool:
    """Return whether the adverbial certainly ends before the index ``place``, and the rest may follow the subject."""
    token = tokens[place]
    if token.text == ",":
        return REPORTING.match(tokens[verb].text) is not None
    return (
        token.tag not in NOUNS | {"CARD", "KON"}
        and token.text not in BREAKS | {"der", "oder", "und"}
        and not may_be_genitive(token)
    )


_MOVABLE = frozenset("weil nachdem obwohl während bevor da wenn falls um sobald seit seitdem indem".split())
_CORRELATES = frozenset(
    "nur erst auch so dann deshalb daher darum dafür dazu damit derart dabei dadurch schon bereits besonders vor"
    " kurz außer lediglich allein selbst sogar".split()
)
_CONNECTIVES = frozenset("allerdings jedoch aber hingegen dagegen zudem auch also".split())
_LEAST_CLAUSE = 4


def clause_last(tokens: Tokens) -> list[Token] | None:
    """Move a subordinate clause from the beginning to the end ("Weil A, B" to "B, weil A")."""
    if tokens[-1].text != ".":
        return None
    commas = [n for n, token in enumerate(tokens) if token.text == ","]
    comma = next((n for n in commas if tokens[n + 1].tag in FINITE), None)
    if comma is None or comma != commas[-1] or has(tokens, BREAKS | QUOTES):
        return None
    clause = [lower_initial(tokens[0]), *tokens[1:comma]]
    if len(clause) < _LEAST_CLAUSE or not _is_movable(clause) or has(tokens[:comma], _CONNECTIVES):
        return None
    start = skip(tokens, comma + 2, frozenset({"PRF"}))
    end = subject_end(tokens, start)
    if end is None or tokens[start].tag in {"PPER", "PIS"} or not agrees(tokens[comma + 1], tokens[start]):
        return None
    if not _may_follow(tokens, end, comma + 1, tokens[start:end]):
        return None
    moved = [tokens[comma], clause[0]._replace(spaced=True), *clause[1:]]
    return [*tokens[start:end], tokens[comma + 1], *tokens[comma + 2 : start], *tokens[end:-1], *moved, tokens[-1]]


def clause_first(tokens: Tokens) -> list[Token] | None:
    """Move a subordinate clause from the end to the beginning ("B, weil A" to "Weil A, B")."""
    verb = first_finite(tokens)
    commas = [n for n, token in enumerate(tokens) if token.text == ","]
    if not verb or not commas or tokens[-1].text != "." or has(tokens, BREAKS | QUOTES):
        return None
    comma = commas[0]
    if any(tokens[n + 1].tag in FINITE | {"KON", "ADV"} or tokens[n + 1].text in _MOVABLE for n in commas[1:]):
        return None
    clause, main = tokens[comma + 1 : -1], tokens[:comma]
    if len(clause) < _LEAST_CLAUSE or not _is_movable(clause):
        return None
    if (
        tokens[0].text in {"Er", "Sie", "Es"}  # the pronoun would follow other nouns, to which it might refer
        or not is_subject(tokens, verb)
        or has(main, _CORRELATES)
        or main[-1].tag in {"ADV", "CARD"}
    ):
        return None
    if any(token.text in {"und", "oder", "sondern", "aber"} for token in main):
        return None
    start = skip(tokens, verb + 1, frozenset({"PRF"}))
    subject = [lower_initial(tokens[0])._replace(spaced=True), *tokens[1:verb]]
    reflexive = tokens[verb + 1 : start]
    order = [*subject, *reflexive] if subject[0].tag in {"PPER", "PIS"} else [*reflexive, *subject]
    return [*clause, tokens[comma], tokens[verb], *order, *tokens[start:comma], tokens[-1]]


def _is_movable(clause: Tokens) -> bool:
    """Return whether the clause is a subordinate clause that may precede its main clause."""
    first, last = clause[0], clause[-1]
    if first.text == "als":  # "als" also compares
        return first.tag == "KOUS" and (last.tag in FINITE or last.text.endswith(("te", "ten", "en")))
    if first.text == "wie":
        return REPORTING.search(last.text) is not None and last.tag in FINITE and not has(clause, frozenset({","}))
    return first.text in _MOVABLE and first.tag in {"KOUS", "KOUI"}


_SPEAKER_VERBS = frozenset(
    "sagte sagten sagt sagen erklärte erklärten erklärt teilte teilten betonte betonten betont berichtete"
    " berichteten meinte meinten schrieb schrieben kritisierte kritisierten warnte warnten meldete meldeten"
    " ergänzte ergänzten".split()
)
_MOST_SPEAKER = 14


def speaker_first(tokens: Tokens) -> list[Token] | None:
    """Move the speaker from the end to the beginning ("„A“, sagte X." to "X sagte: „A.“")."""
    comma = next((n for n in range(len(tokens) - 1, -1, -1) if tokens[n].text == ","), None)
    if not comma or tokens[-1].text != ".":
        return None
    if tokens[comma + 1].text not in _SPEAKER_VERBS:
        return _described_speaker_first(tokens, comma)
    end = _speaker_end(tokens, comma + 1)
    if end is None:
        return None
    speech = tokens[:comma]
    speaker = [*tokens[comma + 2 : end], tokens[comma + 1], *tokens[end:-1]]
    if has(speech, QUOTES):
        return _with_quotation(speaker, speech, tokens[-1])
    if has(speech, BREAKS | {","}) or speech[0].tag in {"KOUS", "KON", "PWAV", "PWS"}:
        return None
    return [*speaker, tokens[comma], lower_initial(speech[0])._replace(spaced=True), *speech[1:], tokens[-1]]


def _described_speaker_first(tokens: Tokens, comma: int) -> list[Token] | None:
    """Move a speaker with an apposition before a quotation ("„A“, sagte X, ein Arzt.")."""
    first = next((n for n in range(comma - 1, 0, -1) if tokens[n].text == ","), None)
    if first is None or tokens[first + 1].text not in _SPEAKER_VERBS:
        return None
    name, apposition = tokens[first + 2 : comma], tokens[comma + 1 : -1]
    if (
        any(token.tag != "NE" for token in name)
        or apposition[0].tag not in {"ART", "NN"}
        or len(apposition) > _MOST_SPEAKER
    ):
        return None
    if any(token.tag in FINITE | {"PRELS"} for token in apposition) or not name or has(apposition, BREAKS | QUOTES):
        return None
    return _with_quotation(
        [*name, tokens[comma], *apposition, tokens[comma], tokens[first + 1]], tokens[:first], tokens[-1]
    )


def _speaker_end(tokens: Tokens, verb: int) -> int | None:
    """Return the index after the speaker whose verb is at the index ``verb``.

    Return None if the structure of the speaker is not simple.
    """
    end = subject_end(tokens, verb + 1)
    tail = tokens[verb + 1 : -1]
    if end is None or len(tail) > _MOST_SPEAKER or has(tail, BREAKS | QUOTES | {"und", "oder"}):
        return None
    if not agrees(tokens[verb], tokens[verb + 1]) or tokens[verb + 1].tag in {"PPER", "PIS"}:
        return None
    is_name = tokens[end - 1].tag == "NE"
    is_attribute = tokens[end].tag in PREPOSITIONS and tokens[end].text not in _ADVERBIAL_PREPOSITIONS and not is_name
    return None if is_attribute or tokens[end].tag in NOUNS | {"ADJ(A)", "PIAT"} else end


def _with_quotation(speaker: Tokens, speech: Tokens, stop: Token) -> list[Token] | None:
    """Return the speaker, followed by the quotation, or None if the speech is not one whole quotation.

    Also return None if the quotation ends with a punctuation mark of its own.
    """
    places = [n for n, token in enumerate(speech) if token.text in QUOTES]
    if places != [0, len(speech) - 1] or speech[-2].text in {"?", "!", ".", "…"}:
        return None
    colon = Token(":", ":", "$.", spaced=False)
    return [*speaker, colon, speech[0]._replace(spaced=True), *speech[1:-1], stop, speech[-1]]
