"""Rules that change the tense of a German main clause between the preterite and the perfect.

Both tenses can describe the same past event (Duden, Die Grammatik, "Präteritum und Perfekt"). The rules apply only if
all parts of the verb are in one simple clause. In the active voice, they apply only to verbs in the lists
``weak_verbs`` and ``strong_verbs``.
"""

from functools import cache

from service.languages.de.clauses import (
    BREAKS,
    FINITE,
    NOUNS,
    PREPOSITIONS,
    REPORTING,
    Token,
    Tokens,
    first_finite,
    has,
    is_subject,
)
from service.languages.de.grammar import LISTS

_PARTICLES = tuple(
    "zurück zusammen heraus hinaus hervor nieder bekannt statt fest frei heim fort durch auf aus bei ein her hin"
    " los mit nach vor weg dar teil über an ab um zu".split()
)
_INSEPARABLE = ("be", "emp", "ent", "er", "ge", "hinter", "miss", "über", "unter", "ver", "wider", "wieder", "zer")
_MOODS = frozenset("wenn falls sofern sonst würde würden wäre wären hätte hätten könnte könnten dürfte dürften".split())
"""Words that indicate that a verb may be in the subjunctive, which often has the same form as the preterite."""
_AUXILIARIES = {"hat": "haben", "haben": "haben", "ist": "sein", "sind": "sein"}
_LINKS = frozenset("und oder sowie aber sondern".split())
_COMPARING = frozenset({"als", "wie"})
_PHRASE_TAGS = NOUNS | PREPOSITIONS | {"ART", "CARD", "PPOSAT", "PIAT", "PDAT"}
_SINCE = frozenset({"seit", "Seit"})
_LEAST_PASSIVE = 4
_LASTING = frozenset(
    "schon bereits noch bislang bisher immer selten jemals nie seit mittlerweile inzwischen jetzt nun soeben eben"
    " gerade".split()
)
"""Words with which the perfect describes a present result instead of a past event."""
_CLAUSE_TAGS = frozenset({"KOUS", "KOUI", "PRELS", "PWAV", "KON"})
_CLAUSE_WORDS = frozenset("wobei ohne um dass".split())
_SPEAKERS = frozenset("ich du ihr".split())


@cache
def _strong() -> dict[str, tuple[str, str]]:
    """Return a mapping of each preterite in the list ``strong_verbs`` to its participle and its auxiliary verb."""
    forms = LISTS.forms("strong_verbs")
    return {preterite: (values[0], values[1]) for preterite, values in forms.items()}


@cache
def _strong_preterites() -> dict[tuple[str, str], str]:
    """Return a mapping of each participle and its auxiliary verb to the preterite (see `_strong`)."""
    return {forms: preterite for preterite, forms in _strong().items()}


@cache
def _weak() -> frozenset[str]:
    return LISTS.words("weak_verbs")


@cache
def _weak_infinitives() -> dict[str, str]:
    return {_participle(infinitive): infinitive for infinitive in _weak()}


def _stem(infinitive: str) -> str:
    return infinitive.removesuffix("en") if infinitive.endswith("en") else infinitive.removesuffix("n")


def _dental(infinitive: str) -> str:
    """Return the ending that a weak verb has before its personal ending: "t" or, after some consonants, "et"."""
    stem = _stem(infinitive)
    is_hard = stem.endswith(("t", "d", "chn")) or (stem[-1] in "mn" and stem[-2] not in "aeiouäöülrhmn")
    return "et" if is_hard else "t"


def _participle(infinitive: str) -> str:
    prefix = "" if infinitive.endswith("ieren") or infinitive.startswith(_INSEPARABLE) else "ge"
    return prefix + _stem(infinitive) + _dental(infinitive)


def _main_clause(tokens: Tokens) -> tuple[int, int] | None:
    """Return the index of the finite verb and the index of the punctuation mark that ends its clause.

    The result is None unless the sentence begins with a main clause that states a fact.
    """
    verb = first_finite(tokens)
    if not verb or tokens[0].tag in {"KOUS", "KOUI", "PWAV", "PWS", "PRELS"}:
        return None
    end = next((n for n in range(verb, len(tokens)) if tokens[n].text in {",", ".", ":"}), len(tokens) - 1)
    if tokens[-1].text != "." and tokens[end].text != ":":
        return None
    if (
        has(tokens[:verb], BREAKS | {","})
        or has(tokens[:end], BREAKS)
        or tokens[0].text in {"Ob", "Wenn", "Wer", "Was"}
    ):
        return None
    if any(token.text.lower() in _MOODS | (_SPEAKERS if token.tag == "PPER" else set()) for token in tokens):
        return None
    if tokens[end].text == "," and not _starts_clause(tokens, end + 1):
        return None
    return verb, end


def _starts_clause(tokens: Tokens, start: int) -> bool:
    """Return whether the tokens from ``start`` on form another clause.

    The result is False if the tokens may contain a particle of the verb before ``start``, or contain a verb that
    introduces reported speech directly after a comma.
    """
    first, second = tokens[start], tokens[min(start + 1, len(tokens) - 1)]
    starts = (
        (first.tag in _CLAUSE_TAGS and not (first.tag == "KON" and second.tag in FINITE))
        or first.text in _CLAUSE_WORDS
        or (first.tag == "APPR" and second.tag == "PRELS")
        or (first.tag in {"PIS", "PPER"} and second.tag in FINITE)
        or _is_main_clause(tokens[start:])
    )
    rest = tokens[start:]
    reported = any(
        token.tag in FINITE and REPORTING.match(token.text) and tokens[start + n - 1].text == ","
        for n, token in enumerate(rest)
    )
    particle = next((n for n, token in enumerate(rest) if token.tag == "PTKVZ"), None)
    return starts and not reported and (particle is None or any(token.tag in FINITE for token in rest[:particle]))


def _is_main_clause(tokens: Tokens) -> bool:
    """Return whether the tokens begin with a simple subject and its verb, before any comma."""
    verb = first_finite(tokens)
    return verb is not None and verb > 0 and not has(tokens[:verb], frozenset({","})) and is_subject(tokens, verb)


def _links_clauses(tokens: Tokens, verb: int) -> bool:
    """Return whether a conjunction after the verb may link clauses instead of noun phrases."""
    return any(
        token.text in _LINKS
        and (token.text in {"aber", "sondern"} or not _begins_phrase(tokens[number + 1 : number + 2]))
        for number, token in enumerate(tokens[verb:], verb)
    )


def _begins_phrase(tokens: Tokens) -> bool:
    """Return whether the first token begins a noun phrase. A noun in lower case is a verb with a wrong tag."""
    return any(one.tag in _PHRASE_TAGS and not (one.tag in NOUNS and one.text[0].islower()) for one in tokens)


def _is_alone(tokens: Tokens, verb: int, end: int, last: int) -> bool:
    """Return whether the clause contains no verb and no particle besides those at the indices ``verb`` and ``last``.

    The negation "nicht" is permitted.
    """
    return not any(
        token.tag.startswith(("VV", "VA", "VM", "PTK")) and token.tag != "PTKNEG" and number != last
        for number, token in enumerate(tokens[verb + 1 : end], verb + 1)
    )


def passive_to_perfect(tokens: Tokens) -> list[Token] | None:
    """Put a passive into the perfect ("wurde verletzt" to "ist verletzt worden")."""
    found = _main_clause(tokens)
    if found is None:
        return None
    verb, end = found
    last = tokens[end - 1]
    if (
        has(tokens[:end], _SINCE)
        or tokens[verb].text not in {"wurde", "wurden"}
        or last.tag != "VV(PP)"
        or last.text == "geboren"
    ):
        return None
    if not _is_alone(tokens, verb, end, end - 1):
        return None
    auxiliary = tokens[verb]._replace(text="ist" if tokens[verb].text == "wurde" else "sind")
    return [
        *tokens[:verb],
        auxiliary,
        *tokens[verb + 1 : end],
        Token("worden", "werden", "VA(PP)", spaced=True),
        *tokens[end:],
    ]


def passive_to_preterite(tokens: Tokens) -> list[Token] | None:
    """Put a passive into the preterite ("ist verletzt worden" to "wurde verletzt")."""
    found = _main_clause(tokens)
    if found is None:
        return None
    verb, end = found
    if tokens[verb].text not in {"ist", "sind"} or tokens[end - 1].text != "worden" or end - verb < _LEAST_PASSIVE:
        return None
    if (
        tokens[end - 2].tag != "VV(PP)"
        or has(tokens[:end], _LASTING)
        or not _is_alone(tokens[:-1], verb, end - 1, end - 2)
    ):
        return None
    auxiliary = tokens[verb]._replace(text="wurde" if tokens[verb].text == "ist" else "wurden")
    return [*tokens[:verb], auxiliary, *tokens[verb + 1 : end - 1], *tokens[end:]]


def preterite_to_perfect(tokens: Tokens) -> list[Token] | None:
    """Put a preterite into the perfect ("kündigte X an" to "hat X angekündigt")."""
    found = _main_clause(tokens)
    if found is None:
        return None
    verb, end = found
    clause = tokens[verb:end]
    particle = clause[-1].text if clause[-1].tag == "PTKVZ" else ""
    last = end - 1 if particle else end
    if (
        tokens[verb].tag != "VV(FIN)"
        or _links_clauses(tokens[:end], verb)
        or has(clause, _COMPARING)
        or has(tokens[:end], _SINCE)
        or last == verb + 1
    ):
        return None
    if particle not in {"", *_PARTICLES} or not _is_alone(tokens, verb, end, end - 1 if particle else end):
        return None
    forms = _perfect(tokens[verb], particle)
    if forms is None or (not particle and clause[-1].text in _PARTICLES):
        return None
    auxiliary, participle = forms
    return [
        *tokens[:verb],
        tokens[verb]._replace(text=auxiliary, tag="VA(FIN)"),
        *tokens[verb + 1 : last],
        Token(participle, tokens[verb].lemma, "VV(PP)", spaced=True),
        *tokens[end:],
    ]


_OTHER_VERBS = frozenset({("drehte", "durch"), ("hielt", "an")})
"""Pairs of a preterite and a particle whose perfect may differ from the one that the lists give."""


def _perfect(verb: Token, particle: str) -> tuple[str, str] | None:
    """Return the auxiliary verb and the participle for a verb in the preterite.

    Return None if no list contains the verb, or if its auxiliary verb is not certain.
    """
    singulars = (verb.text, verb.text.removesuffix("en"), verb.text.removesuffix("n"))
    singular = next((form for form in singulars if form in _strong()), "")
    separable = next((form for form in singulars if f"{form} {particle}" in _strong()), "")
    if separable:
        singular, whole = separable, f"{separable} {particle}"
        participle, auxiliary = _strong()[whole][0].removeprefix(particle), _strong()[whole][1]
    elif singular:
        participle, auxiliary = _strong()[singular]
    elif verb.lemma in _weak():
        singular, participle, auxiliary = _weak_preterite(verb.lemma), _participle(verb.lemma), "haben"
    if verb.text not in {singular, singular + "n", singular + "en"} or (singular, particle) in _OTHER_VERBS:
        return None
    forms = ("hat", "haben") if auxiliary == "haben" else ("ist", "sind")
    space = " " if particle == "bekannt" else ""
    return forms[verb.text != singular], f"{particle}{space}{participle}"


def _weak_preterite(infinitive: str) -> str:
    return _stem(infinitive) + _dental(infinitive) + "e"


def perfect_to_preterite(tokens: Tokens) -> list[Token] | None:
    """Put a perfect into the preterite ("hat X angekündigt" to "kündigte X an")."""
    found = _main_clause(tokens)
    if found is None:
        return None
    verb, end = found
    auxiliary = _AUXILIARIES.get(tokens[verb].text)
    if auxiliary is None or tokens[end - 1].tag != "VV(PP)" or not _is_alone(tokens, verb, end, end - 1):
        return None
    if _states_result(tokens[:end], auxiliary) or _links_clauses(tokens[:end], verb):
        return None
    forms = _preterite(tokens[end - 1].text, auxiliary, plural=tokens[verb].text in {"haben", "sind"})
    if forms is None:
        return None
    preterite, particle = forms
    if not particle and tokens[end - 2].tag == "ADV":  # few adverbs may end a clause
        return None
    particles = [Token(particle, particle, "PTKVZ", spaced=True)] if particle else []
    finite = tokens[verb]._replace(text=preterite, tag="VV(FIN)")
    return [*tokens[:verb], finite, *tokens[verb + 1 : end - 1], *particles, *tokens[end:]]


def _states_result(tokens: Tokens, auxiliary: str) -> bool:
    """Return whether a perfect may describe a present result instead of a past event."""
    is_denied = any(token.tag == "PTKNEG" for token in tokens)
    return any(token.text.lower() in _LASTING for token in tokens) or (auxiliary == "sein" and is_denied)


def _preterite(participle: str, auxiliary: str, *, plural: bool) -> tuple[str, str] | None:
    """Return the preterite and the separable particle for a participle, or None if no list contains the verb."""
    for particle in ("", *_PARTICLES):
        base = participle.removeprefix(particle)
        if particle and (base == participle or not base.startswith(("ge", "ver", "be"))):
            continue
        if (base, auxiliary) in _strong_preterites():
            form, _, separated = _strong_preterites()[base, auxiliary].partition(" ")
            return form + ("" if not plural else "n" if form.endswith("e") else "en"), particle or separated
        if auxiliary == "haben" and base in _weak_infinitives():
            return _weak_preterite(_weak_infinitives()[base]) + "n" * plural, particle
    return None
