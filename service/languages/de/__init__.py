"""The German language package."""

import re

from service.languages.base import (
    Language,
    LengthRatio,
    NameGrammar,
    NegationGrammar,
    NumberGrammar,
    SentenceGrammar,
    SummaryGrammar,
    UnitGrammar,
)
from service.languages.de.grammar import (
    DATES,
    LISTS,
    GermanForms,
    continues,
    find_numerals,
    is_common,
    missing_boundaries,
    read_number,
    scale,
    stem,
)
from service.languages.de.page import PAGE

_TITLE = re.compile(
    r"(?:präsident|minister|kanzler|chef|trainer|sprecher|herrn?|frau|meister|professor|senator|leiter|direktor|könig"
    r"|vorsitzender?|vorsitzenden|anwalt|autor|regisseur|sänger|spieler|stürmer|papst|prinz|stadt|firma|konzern)(?:in|s)?$",
    re.IGNORECASE,
)
_CLAUSES_MEET = re.compile(
    r"\b(ist|sind|war|waren|sei|seien|sein|wird|werden|wurde|wurden|hat|habe|haben|hatte|hatten|kann|können|konnte|"
    r"konnten|soll|sollen|sollte|sollten|will|wollen|wollte|wollten|muss|müssen|musste|mussten|darf|dürfen|"
    r"welche[rsnm]?|deren|dessen),\s+\1\b",
    re.IGNORECASE,
)


def _any_of(*names: str) -> re.Pattern[str]:
    return re.compile(rf"\b(?:{'|'.join(form for name in names for form in LISTS.lines(name))})\b")


SUMMARY = SummaryGrammar(
    function_words=LISTS.phrases("function_words"),
    dangling_openings=LISTS.phrases("dangling_openings"),
    finite_verbs=LISTS.phrases("finite_verbs"),
    subordinators=LISTS.phrases("subordinators"),
    stem=stem,
    chars_per_word=7.3,
)

LANGUAGE = Language(
    code="de",
    name="German",
    regions={"de-de": "", "de-at": "", "de-ch": ""},
    warm_up="Guten Morgen, Deutschland.",
    probe="Der Bundestag hat am Donnerstag über den Haushalt beraten, und viele Städte warten auf das Geld.",
    sentences=SentenceGrammar(
        splitter="de",
        continues=continues,
        missing=missing_boundaries,
        quoted=re.compile(r"„[^„“”\"]{0,1000}[“”\"]|»[^»«]{0,1000}«|[‚‘›‹]"),
        clause=re.compile(
            r",(?=\s+(?:und|oder|aber|sondern|denn|doch|dass|weil|wenn|obwohl|während|nachdem|bevor|damit|als|ob)\b)"
        ),
        unfinished=re.compile(r"(?:\b(?:\d{1,2}|Dr|Prof|Nr|Abs|Art|St|bzw|ca|vgl|[a-zA-Z])\.|[,;-])$"),
        open_word=re.compile(
            r"(?:^|\s)(?:der|die|das|de[nms]|eine?[nmrs]?|und|oder|mit|von|vom|zu[mr]?|in|im|an|am|auf|aus|"
            r"bei|beim|für|gegen|nach|über|um|unter|vor|durch|als|wie|dass|sich|seine?[nmrs]?|ihre?[nmrs]?)$"
        ),
        # "Ein- und\nAusfuhr" and "Ost-\nund Westdeutschland" are not broken words.
        broken_word=re.compile(
            r"(?<=[^\W\d_])-[ \t]*(?:\r\n|\n|\r)[ \t]*(?=[a-zäöüß])(?!(?:und|oder|bzw|bis|sowie|als|wie)\b)"
        ),
    ),
    marker_words=LISTS.phrases("marker_words"),
    kickers=(*LISTS.lines("acronyms"), *LISTS.lines("sections")),
    inflection=GermanForms(),
    numbers=NumberGrammar(
        group=".",
        point=",",
        point_may_group=True,
        read=read_number,
        scale=scale,
        range_words="bis(?: zu)?|und|oder",
        decade_after=re.compile(r"er|['’]?s\b"),
    ),
    dates=DATES,
    negation=NegationGrammar(
        sure=_any_of("negation"), plain=_any_of("negation_plain"), any=_any_of("negation_plain", "negation_hints")
    ),
    names=NameGrammar(is_common=is_common, title=_TITLE),
    units=UnitGrammar(
        forms=LISTS.forms("units"),
        whole_words=False,
        scale_words=r"tausend|million\w*|milliard\w*|billion\w*|trillion\w*|mio\.?|mrd\.?|m|b|k",
    ),
    frequent_words=LISTS.words("frequent_words"),
    doubled_words=frozenset("so die der das sehr nein denen dem den wer in ja na ha bla".split()),
    clauses_meet=_CLAUSES_MEET,
    find_numerals=find_numerals,
    exonyms={"en": LISTS.pairs("exonyms_en")},
    kept_names={"en": LISTS.words("kept_names_en")},
    length_ratios={
        "en": LengthRatio(
            steps=(20, 30, 45, 60, 90, 120, 160, 220),
            shortest=(0.40, 0.48, 0.48, 0.48, 0.50, 0.55, 0.58, 0.62, 0.63),
            longest=(2.30, 1.70, 1.55, 1.50, 1.45, 1.42, 1.38, 1.28, 1.24),
        )
    },
    page=PAGE,
    summary=SUMMARY,
)
