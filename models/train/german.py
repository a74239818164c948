"""German words for the summary recipe: function words, verb forms, content-word stems, and what a clean sentence is."""

import re
from functools import lru_cache

from nltk.stem.snowball import GermanStemmer

WORD = re.compile(r"[^\W_]+(?:-[^\W_]+)*")
SUBORDINATORS = frozenset(
    """dass daß weil da obwohl obgleich obschon wenngleich nachdem während wobei wodurch womit woraufhin worauf wonach
    woran worin wozu weshalb weswegen sodass bevor ehe indem wenn falls sofern solange seitdem sobald ob als wie was
    wer wo woher wohin damit um ohne anstatt statt bis insofern""".split()
)
DROPPABLE = frozenset(
    """weil da obwohl obgleich obschon wenngleich nachdem während wobei wodurch womit woraufhin worauf wonach weshalb
    weswegen sodass bevor ehe indem um was wo ohne als""".split()
)
RELATIVES = frozenset(
    "der die das dem den deren dessen denen welche welcher welches welchem welchen was wo wer worin woran".split()
)
PREPOSITIONS = frozenset(
    """in im an am auf aus bei beim mit nach von vom vor zu zum zur durch für gegen ohne um über unter zwischen neben
    hinter seit wegen trotz während innerhalb außerhalb gegenüber laut bis ab ins ans""".split()
)
ARTICLES = frozenset(
    "der die das des dem den ein eine einer eines einem einen sein seine ihr ihre deren dessen kein keine".split()
)
FINITE = frozenset(
    """ist sind war waren wird werden wurde wurden hat haben hatte hatten kann können konnte konnten muss muß müssen
    musste mussten soll sollen sollte sollten will wollen wollte wollten darf dürfen durfte durften mag mögen mochte
    möchte sei seien wäre wären hätte hätten würde würden könnte könnten müsste dürfte kam kamen ging gingen ließ
    ließen fand fanden stand standen lag lagen blieb blieben schrieb schrieben gab gaben nahm nahmen trat traten
    trug trugen zog zogen hielt hielten begann begannen starb starben verlor verloren gewann gewannen rief riefen
    lief liefen fiel fielen stieg stiegen sprach sprachen schlug schlugen schuf schufen schloss schlossen erhielt
    erhielten bestand bestanden befand befanden entstand entstanden verstarb wuchs wuchsen wies wiesen warf warfen
    sah sahen saß saßen aß trieb trieben bekam bekamen erschien erschienen galt galten half halfen hieß hießen
    verließ verließen unternahm übernahm übernahmen vertrat verschwand wandte wusste dachte brachte brachten nannte
    nannten kannte gibt liegt steht besteht bleibt geht kommt lässt führt macht hält trägt zeigt findet gilt bildet
    enthält erhält nimmt tritt zieht beginnt verläuft lebt heißt stammt gehört gehören dient dienen liegen stehen
    kommen leben finden bilden bestehen befindet befinden erreicht erreichen umfasst bezeichnet entspricht bietet
    tun tut tat taten schließt plant fordert sagt erklärt
    baut sucht zahlt kostet endet droht wirft prüft rechnet erwartet warnt lehnt stellt setzt legt bringt nennt spricht
    sieht hofft meint weiß fällt läuft stirbt gewinnt verliert übernimmt verlässt trifft wählt verkauft bekommt braucht
    schafft zählt fährt kündigt ruft weist verfügt arbeitet wirkt wechselt verlangt betont bestätigt fordern sagen
    planen reicht fehlt steigt sinkt wächst entsteht entstehen""".split()
)
NOT_VERBS = frozenset(
    """nicht seit oft mit statt fast erst jetzt selbst bereits meist dort fort weit zeit überhaupt insgesamt damit sogar
    sowie zuletzt zunächst gut alt laut samt nebst rund bekannt genannt gesamt direkt indirekt exakt unbekannt sonst
    meistens höchstens wenigstens mindestens einen seinen ihren keinen den denen allen vielen anderen beiden ersten
    zweiten letzten neuen alten großen kleinen zwischen neben gegen wegen oben unten außen innen hinten vorn vorne
    gestern morgen zusammen unterwegs an von in ein kein sein dein mein ihn dann wann schon nun davon daran darin
    gegenüber einst längst mitunter heute leicht schlecht recht echt dicht breit bunt spät nächsten meisten weiteren
    einzelnen eigenen deutschen verschiedenen bestimmten weitesten besten höchsten größten worden geworden gewesen
    hingegen dagegen entgegen eben soeben daneben jeden jenen diesen welchen manchen solchen bisweilen zuweilen
    unweit zumeist allerorten äußerst""".split()
)
DANGLING = frozenset(
    """er sie es dies diese dieser dieses diesem diesen dabei damit daher deshalb dadurch danach dazu daraufhin darauf
    dafür dagegen davon darin daran außerdem zudem allerdings jedoch doch aber denn auch dort hier dann so ferner
    zusätzlich ebenso ebenfalls trotzdem dennoch hierbei hierfür hierzu hierdurch sein seine seinen seinem seiner ihr
    ihre ihren ihrem ihrer ihm ihn ihnen beide letztere letzterer letzteres somit folglich demnach demzufolge
    stattdessen schließlich anschließend später sondern und oder da solche solch andererseits anders jene jener jenes
    weiterhin weiter gleichzeitig zugleich inzwischen nun man währenddessen dementsprechend entsprechend derartige
    hingegen daneben darüber darunter damals diesbezüglich deren dessen ersteres zuvor vorher wir ich""".split()
)
FUNCTION_WORDS = (
    SUBORDINATORS
    | RELATIVES
    | PREPOSITIONS
    | ARTICLES
    | DANGLING
    | frozenset(
        """und oder aber sondern nicht auch noch nur sehr schon mehr sich ich du wir ihr man ist sind war waren wird
        werden wurde wurden worden hat haben hatte hatten kann können konnte soll sollen sollte muss müssen will wollen
        sei seien wäre hätte würde würden durch bereits etwa rund wieder immer alle allem allen aller alles viele
        einige andere anderen mehrere keine keinen dass zwei drei eins es dort hier heute dessen sowie sowohl etwas
        jeder jede jedes nun je bzw z b u a d h ca of the gibt""".split()
    )
)
_MARKUP = re.compile(
    r"==|[|{}<>*\\_=^~#→↑\t]|https?:|www\.|\[|\]|ˈ|ː|ə|ʁ|ɪ|ʊ|\bISBN\b|\.\.\.|…|\bu\. ?ä\b|siehe ", re.IGNORECASE
)
_END = re.compile(r"[.!]$")
_CUT = re.compile(r"\b(?:\d{1,2}|[A-Za-z]|bzw|ca|etc|St|Nr|Dr|Chr|Mio|Mrd)\.$")
_STEMMER = GermanStemmer()


@lru_cache(maxsize=500_000)
def stem(word: str) -> str:
    """Snowball stem of a lower-cased word."""
    return str(_STEMMER.stem(word))


def words(text: str) -> list[str]:
    """Words of a text, hyphenated ones whole."""
    return WORD.findall(text)


def content_stems(text: str) -> list[str]:
    """Stems of the words that carry meaning, in order; numbers are among them."""
    lowered = (word.lower() for word in words(text))
    return [stem(word) for word in lowered if word not in FUNCTION_WORDS]


def ends_clause(word: str) -> bool:
    """Whether a clause's last word may be its finite verb."""
    if not word.isalpha() or not word.islower() or word in NOT_VERBS:
        return False
    return word in FINITE or word.endswith(("t", "te", "ten", "en", "ern", "eln"))


def is_finite(word: str) -> bool:
    """Whether a lower-case word is surely or very probably a finite verb."""
    return word in FINITE or (
        word.isalpha() and word.islower() and word not in NOT_VERBS and word.endswith(("te", "ten", "iert", "ieren"))
    )


def dangles(sentence: str) -> bool:
    """Whether a sentence begins with a word that leans on the one before."""
    first = words(sentence)[:1]
    return not first or first[0].lower() in DANGLING


def balanced(text: str) -> bool:
    """Whether brackets and quotation marks come in pairs."""
    pairs = (("(", ")"), ("»", "«"), ("›", "‹"))
    german = text.count("„") == text.count("“") + text.count("”")
    return german and text.count('"') % 2 == 0 and all(text.count(a) == text.count(b) for a, b in pairs)


def is_clean(sentence: str) -> bool:
    """Whether a sentence is whole prose: 5 to 60 words, begun and ended as one, without markup or phonetics."""
    count = len(sentence.split())
    if not 5 <= count <= 60 or not _END.search(sentence) or _CUT.search(sentence) or _MARKUP.search(sentence):
        return False
    if not (sentence[0].isupper() or sentence[0] in '„"' or sentence[0].isdigit()):
        return False
    letters = sum(char.isalpha() for char in sentence)
    return letters > 0.7 * len(sentence) and balanced(sentence) and any(map(ends_clause, words(sentence)))
