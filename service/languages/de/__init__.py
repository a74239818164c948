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
    extend_number,
    find_numerals,
    is_common,
    missing_boundaries,
    read_number,
    scale,
    stem,
)
from service.languages.de.page import PAGE
from service.languages.de.rewording import reworded
from service.languages.de.sentence_errors import MISSPELT, error_of

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
_RULES = r"(?:anweisung|regel|vorgabe|instruktion|prompt|richtlinie|nachricht)\w*"
_MACHINE = r"(?:ki|sprachmodell\w*|ki-modell\w*|assistent\w*|chatbot\w*|übersetzungs\w*)\b"
# Most of these are imperatives, because news often reports that somebody ignores a rule or answers only briefly.
_INSTRUCTIONS = re.compile(
    rf"\b(?:ignoriere|ignorieren sie|vergiss|vergesst|vergessen sie|missachte|befolge)\b.{{0,60}}\b{_RULES}"
    rf"|\b(?:anweisung|instruktion|hinweis|befehl)\w*\san\s(?:die|den|das)\s{_MACHINE}"
    rf"|\b(?:du bist|wenn du|falls du)\b.{{0,40}}\b{_MACHINE}|\b(?:liebe|lieber|liebes|hallo|hey)\s{_MACHINE}"
    r"|\b(?:übersetze|übersetzen sie)\b.{0,60}\b(?:nicht|hier|stattdessen|sondern)\b"
    r"|\b(?:beende|stoppe)\b.{0,20}\bübersetz"
    r"|\b(?:antworte|antworten sie|antwortest du)\b.{0,30}\b(?:nur|ausschließlich|stattdessen|als|mit|immer)\b"
    r"|\bab (?:jetzt|sofort) (?:antworte|antwortest|schreibe?|schreibst|übersetze|bist|nenne)\b"
    rf"|\b(?:gib|geben sie|zeige|nenne|wiederhole|verrate)\b.{{0,60}}\b(?:system\w*|{_RULES})"
    r"|\b(?:schreibe?|schreiben sie)\b.{0,40}\b(?:stattdessen|am ende)\b|\bfasse\b.{0,40}\bartikel\b.{0,60}\bzusammen\b"
    r"|^(?:system|assistant|user)\s?:|<\|\w+\|>|\bsystem-?prompt\b"
    r"|\b(?:ignore|disregard|forget)\b.{0,30}\b(?:instruction|rule|prompt)s?\b",
    re.IGNORECASE,
)


_PLACE = re.compile(
    r"(?<=[a-zäöüß]{2})(?:straße|strasse|platz|gasse|allee|damm|ufer|kirche|schule|halle|stadion|land|stadt|heim|hof"
    r"|berg|burg|stein|bach|mann|feld|wald|dorf|hausen|baum|meier|bauer)$"
)
_ADJECTIVE = re.compile(
    r"(?:\b(?:[Dd](?:er|ie|as|es|em|en)|[Ee]ine?[mnrs]?|[Ii][mn]|[Aa]m|[Zz]u[mr]|[Vv]om|[Bb]eim|aus|bei)\s[A-ZÄÖÜ][\w-]+er"
    r"|[A-ZÄÖÜ][\w-]*(?:isch|lich)e[mnrs]?)$"
)
_INDEFINITE = re.compile(r"\b(?:[Ee]ine?[mnrs]?|[Kk]eine?[mnrs]?)\s$")
_BEFORE_NOUN = re.compile(
    r"(?:\b(?:[Dd](?:er|ie|as|es|em|en)|[Ee]ine?[mnrs]?|[Kk]eine?[mnrs]?|[Ii]m|[Aa]m|[Zz]u[mr]|[Vv]om|[Bb]eim|[Ii]ns|ans"
    r"|(?:dies|jed|sein|ihr|unser|all|viel|mehrer|einig)e?[mnrs]?)"
    r"|(?<![\w-])(?<![“”\"«»],\s)(?!(?:sag|erklär|führ|mein|beton|teil|berichte|forder|warn|kritisier|ergänz|füg|kündig|versicher)"
    r"te[n]?\s)[a-zäöüß]{4,}(?:e|en|er|es|em))\s$"
)

_AFTER_NOUN = re.compile(r"\s(?:[a-zäöüß]{3,}(?:en|ern|eln)|[a-zäöüß]*ge[a-zäöüß]{2,}t)\b")


# After "des", "eines" or "dieses", the word is a common noun ("des Landes Hessen").
_GENITIVE = re.compile(
    r"(?<![\w-])(?<!des\s)(?<!eines\s)(?<!dieses\s)(?P<name>[A-ZÄÖÜ][a-zäöüßéèç]{2,}[^\Wsxzß]s)\s"
    r"(?P<adjective>(?:(?!einer|eines|über|unter|hinter|aber|oder|immer|wieder|nichts|etwas|alles)[a-zäöüß]{2,}(?:er|es)"
    r"|(?:[a-zäöüß]+(?:isch|lich|ig)|neu|alt|lang|groß|klein|erst|zweit|dritt|letzt|eigen|gesamt|jüngst|best)e)\s)?"
    r"(?P<noun>[A-ZÄÖÜ][a-zäöüß]{2,})"
)


def _any_of(*names: str) -> re.Pattern[str]:
    return re.compile(rf"\b(?:{'|'.join(form for name in names for form in LISTS.lines(name))})\b")


_AUXILIARY = (
    r"(?:ist|sind|war|waren|wird|werden|wurde|wurden|hat|haben|hatte|hatten|kann|können|konnte|konnten|muss|müssen|musste"
    r"|mussten|soll|sollen|sollte|sollten|will|wollen|wollte|wollten|darf|dürfen|durfte|durften|bleibt|bleiben|blieb|blieben)"
)
_FIRST_CLAUSE = r"[^,:;–()„“”\"»«]*?"
_REFERENCES = re.compile(
    r"(?:Im Gegenteil|Auf der anderen Seite|Andererseits|Vorausgesetzt|Später|Wohl (?:eher|kaum)|Eher nicht|Ja|Nein|"
    r"Sprich|Das heißt|Soll heißen|Kein Wunder|Zum anderen|Mit anderen Worten|Anders gesagt|Kurz gesagt)\b"
    rf"|(?:Viele|Einige|Manche|Mehrere|Wenige|Alle|Beide|Zwei|Drei|Andere|Etliche) {_AUXILIARY}\b"
    r"|(?:D(?:er|ie|as|en|em)|Eine?n?) [A-ZÄÖÜ]\w+ (?:hat|hatte|will|soll|kann) es\b(?!.*\bge(?:geben|schafft)\b)"
    rf"|{_FIRST_CLAUSE}\b(?:waren|sind|war) es (?:[a-zäöüß]+ )?\d"
    rf"|{_FIRST_CLAUSE}\b[Dd](?:ie|er|as|en|em) (?:erste|zweite|dritte|andere)[nrs]? "
    r"(?:Variante|Möglichkeit|Option|Version|Antwort|Alternative|Grund|Punkt)\b"
    r"|Nicht nur (?!.*\b(?:sondern|auch)\b)"
    rf"|{_FIRST_CLAUSE}\bso (?:et)?was\b(?! wie\b)"
    rf"|{_FIRST_CLAUSE}\b(?:nämlich|hingegen)\b"
    rf"|{_FIRST_CLAUSE}\bdavon\b(?! (?:aus|ab|überzeugt)\b)"
    r"(?![^,]{0,200},\s(?:dass|wie|ob)\b)(?![^,]{0,200} (?:aus|ab)[.,])"
    rf"|{_FIRST_CLAUSE}\b{_AUXILIARY} dagegen (?!zu\b|aus\b)[^,.]"
)
_REPORT_VERBS = r"(?:antworte|erwider|entgegne|ergänz)(?:te?|et|ete)|füg(?:t|te)"
_REPLACING = re.compile(
    rf"(?!(?:Als|Wenn|Weil|Während|Nachdem|Bevor|Obwohl|Da|Dass|Ob|Wer|Was|Wie|Er|Sie|Es)\b){_FIRST_CLAUSE}"
    rf"\b(?:{_AUXILIARY}|[a-zäöüß]{{2,}}(?:t|te|ten)) (?:er|sie)\b(?! selbst)"
)
_LIST_NOUNS = (
    r"(?:Tipps|Tricks|Überblick|Übersicht|Antworten|Fragen|Fakten|Infos|Informationen|Liste|Beispiele|Details|Bilder|Fotos|"
    r"Ergebnisse|Schritte|Gründe|Ideen|Rezepte|Hinweise|Möglichkeiten)"
)
_ANNOUNCING = re.compile(
    rf"(?:Hier|Im Folgenden|Nachfolgend|Nachstehend) [a-zäöüß]+\b[^.!?]*\b{_LIST_NOUNS}\b"
    rf"|Folgende\w* [^.!?]*\b{_LIST_NOUNS}\b"
)
_TOWN_WORD = r"[A-ZÄÖÜ][\w.’'-]*"
_PLACE_START = re.compile(
    rf"{_TOWN_WORD}(?:(?:[ /]|, ){_TOWN_WORD}| (?:am|an der|im|in|bei|ob der) {_TOWN_WORD}){{0,3}}"
    r"(?: \([\w/ .-]{2,25}\))?(?:\s[–—-]|\s·)\s+(?=[A-ZÄÖÜ„\"»\d])"
)


def _strong_preterites() -> frozenset[str]:
    """Return the preterites of the strong verbs, in the singular and plural."""
    forms = (preterite.split()[0] for preterite in LISTS.forms("strong_verbs"))
    return frozenset(form + ending for form in forms for ending in ("", "n" if form.endswith("e") else "en"))


SUMMARY = SummaryGrammar(
    function_words=LISTS.phrases("function_words"),
    dangling_openings=LISTS.phrases("dangling_openings"),
    finite_verbs=LISTS.phrases("finite_verbs") | _strong_preterites(),
    subordinators=LISTS.phrases("subordinators"),
    stem=stem,
    chars_per_word=7.3,
    reword=reworded,
    error=error_of,
    conjunctions=frozenset("dass weil wenn falls nachdem bevor ehe obwohl obgleich sodass indem wie ob".split()),
    attribution=re.compile(
        r"\b(?:sagte[n]?|sagt|sagen|erklärte[n]?|erklärt|betonte[n]?|betont|berichte\w*|teilte[n]?|teilt|mitgeteilt|"
        r"kündigte[n]?|warnte[n]?|meinte[n]?|meint|behauptete[n]?|kritisierte[n]?|forderte[n]?|hieß|heißt|zitierte?|[Ll]aut|"
        r"zufolge|nach Angaben|Angaben|Ansicht|so der|so die|so)\b"
    ),
    dangling_words=frozenset(
        "er ihm ihn ihnen dahin daraus daran darauf davon danach zuvor deswegen deshalb darum dadurch dieser dieses "
        "diese diesem diesen jener jene jenem jenen".split()
    ),
    times=frozenset(
        "Jahr Jahres Jahre Monat Monats Monate Woche Wochen Wochenende Wochenendes Tag Tages Tage Tagen Sommer Sommers "
        "Herbst Winter Frühjahr Frühling Quartal Saison Montag Dienstag Mittwoch Donnerstag Freitag Samstag Sonntag "
        "Morgen Abend Vormittag Nachmittag Zeiten Jahrhundert".split()
    ),
    articles=frozenset("das der die den dem denen".split()),
    quantifiers=frozenset(
        "viele einige manche mehrere wenige alle keine beide zwei drei eine einer eines meisten etliche".split()
    ),
    reported=re.compile(r"\b(?:sei|seien|habe|könne|müsse|wolle|solle|dürfe|werde|brauche|gebe|zeichne)\b"),
    first_person=re.compile(r"\b(?:[Ii]ch|[Ww]ir|mich|mir|uns|unser\w*|mein\w*)\b"),
    references=_REFERENCES,
    replacing=_REPLACING,
    announcing=_ANNOUNCING,
    report_end=re.compile(rf"[“”\"»«],\s(?:{_REPORT_VERBS})\b"),
    quoted_report=re.compile(r"[“”\"»«],\s[a-zäöüß]+(?:t|te|ten)\b"),
    superlative=re.compile(r"(?:ig|lich|isch|bar|sam|los)ste[nr]?$"),
    adverbs=frozenset(
        "zuletzt jetzt sofort selbst fast meist längst erst höchst gut weit oft bekannt direkt dicht leicht recht "
        "schlecht echt gesamt exakt komplett konkret überhaupt halt samt statt nächst zumeist möglichst vielleicht "
        "unlängst".split()
    ),
    prepositions=frozenset(
        "in an auf mit bei von zu für gegen nach über unter vor durch aus seit wegen ohne um trotz hinter neben "
        "zwischen".split()
    ),
    relatives=frozenset("der die das dem den denen deren dessen welcher welche welchem welchen".split()),
    infinitives=frozenset({"sein"}),
    linking=frozenset({"und", "oder", "aber", "sondern"}),
    contrasting=re.compile(r",\s(?:aber|doch)\s"),
    misspelt=MISSPELT,
    place=_PLACE_START,
    label=re.compile(rf"{_TOWN_WORD}(?: {_TOWN_WORD}){{0,3}}:\s"),
    complement=re.compile(r"\s*[,:–-]+\s*(?:[„»\"]|(?:dass|ob|wie|was|wer|wann|warum|weshalb|wo|welche\w*|sondern)\b)"),
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
        extend=extend_number,
        scale=scale,
        range_words="bis(?: zu)?|und|oder",
        decade_after=re.compile(r"er|['’]?s\b"),
    ),
    dates=DATES,
    negation=NegationGrammar(
        sure=_any_of("negation"), plain=_any_of("negation_plain"), any=_any_of("negation_plain", "negation_hints")
    ),
    names=NameGrammar(
        is_common=is_common,
        title=_TITLE,
        adjective=_ADJECTIVE,
        place=_PLACE,
        indefinite=_INDEFINITE,
        before_noun=_BEFORE_NOUN,
        after_noun=_AFTER_NOUN,
        genitive=_GENITIVE,
    ),
    units=UnitGrammar(
        forms=LISTS.forms("units"),
        whole_words=False,
        scale_words=r"tausend|million\w*|milliard\w*|billion\w*|trillion\w*|mio\.?|mrd\.?|m|b|k",
        qualifier=r"(?:[a-zäöüß]+(?:ische|ischen|sche|schen)|schweizer|hongkong|singapur)",
    ),
    frequent_words=LISTS.words("frequent_words"),
    sign_words=LISTS.forms("signs"),
    opposites=LISTS.opposites("opposites", "opposite_phrases"),
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
    instructions=_INSTRUCTIONS,
)
