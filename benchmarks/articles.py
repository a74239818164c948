"""German news articles for measuring load and latency, generated from patterns or assembled from lines of a data set.

The same seed produces the same articles. Generated articles have no sentence in common. Articles from a data set can
have sentences in common only after all lines of the data set have been used. If a sentence occurred twice, the service
might translate it only once, which would distort the measured speed.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Self

LEAST, MOST = 10, 40
MOST_CHARS = 280  # some systems truncate a sentence that is too long for the model, and others do not
PARAGRAPH_SENTENCES = 3

SLOTS: dict[str, tuple[str, ...]] = {
    "town": tuple(
        (
            "Aalen Augsburg Bamberg Bielefeld Bochum Bremen Celle Chemnitz Cottbus Darmstadt Dresden Erfurt Essen "
            "Flensburg Freiburg Fulda Gera Göttingen Halle Hannover Jena Kassel Kiel Koblenz Leipzig Lübeck Magdeburg "
            "Mainz Münster Oldenburg Passau Potsdam Regensburg Rostock Schwerin Siegen Stralsund Trier Ulm Weimar "
            "Wuppertal Würzburg"
        ).split()
    ),
    "person": tuple(
        (
            "Ahrens Albers Bergmann Böhm Brandt Busch Dietrich Ebert Engel Fischer Frank Graf Günther Haas Hartmann "
            "Heinrich Horn Jansen Kaiser Keller Kraft Krüger Lehmann Lorenz Ludwig Maurer Möller Neumann Otto Peters "
            "Pohl Roth Sauer Schreiber Seidel Sommer Stein Thomas Vogel Voigt Wagner Weiß Winkler Ziegler Zimmermann"
        ).split()
    ),
    "first": tuple(
        (
            "Andrea Anna Birgit Christian Claudia Daniel Eva Frank Gabriele Hannah Heike Jan Jonas Julia Karin Katrin "
            "Lena Lukas Maria Markus Martin Monika Nina Paul Peter Petra Sabine Simon Stefan Susanne Thomas Ute "
            "Wolfgang"
        ).split()
    ),
    "day": ("Montag", "Dienstag", "Mittwoch", "Donnerstag", "Freitag", "Samstag", "Sonntag"),
    "month": ("Januar", "Februar", "März", "April", "Mai", "Juni", "August", "September", "Oktober", "November"),
    "office": ("Bürgermeisterin", "Landrätin", "Dezernentin", "Sprecherin", "Ministerin", "Direktorin"),
    "place": ("am Hafen", "am Bahnhof", "in der Altstadt", "am Stadtrand", "im Norden der Stadt", "an der Messe"),
    "thing": ("das Hallenbad", "die Bibliothek", "das Theater", "die Sporthalle", "das Krankenhaus", "die Brücke"),
    "firm": ("der Hersteller", "der Verlag", "die Brauerei", "das Stahlwerk", "die Reederei", "der Netzbetreiber"),
}
PATTERNS = (
    "Die Stadt {town} will {thing} {place} bis {month} für {n} Millionen Euro sanieren lassen.",
    "Am {day} stimmte der Rat von {town} mit {n} gegen {m} Stimmen für den Vorschlag der {office} {person}.",
    "Nach Angaben der Polizei wurden bei dem Unfall nahe {town} {n} Menschen leicht verletzt.",
    "Der Zug von {town} nach {other} fährt wegen einer Störung erst {n} Minuten später ab.",
    "„Wir haben damit nicht gerechnet“, sagte {first} {person} am {day} in {town}.",
    "Im {month} kamen {n},{m} Prozent mehr Gäste nach {town} als im gleichen Monat des Vorjahres.",
    "In {town} regnete es am {day} so stark, dass die Feuerwehr {n} Keller leer pumpen musste.",
    "Forscher der Universität {town} haben unter der Leitung von {first} {person} {n} neue Käferarten beschrieben.",
    "Der Verein aus {town} gewann das Spiel gegen {other} mit {n} zu {m} und bleibt damit in der Liga.",
    "Vor dem Landgericht {town} begann am {day} der Prozess gegen einen Kaufmann, der {n} Kunden betrogen haben soll.",
    "{first} {person} leitet seit {month} die Klinik in {town}, die etwa {n} Betten hat.",
    "Wie {firm} in {town} mitteilte, sollen bis zum Jahresende {n} Arbeitsplätze wegfallen.",
    "Die {office} {person} kündigte an, dass {thing} in {town} auch am {day} geöffnet bleibt.",
    "Mehr als {n} Menschen demonstrierten am {day} {place} in {town} gegen den Bau der Umgehungsstraße.",
    "Das Museum in {town} zeigt von {day} an {n} Bilder der Malerin {first} {person}.",
    "Weil das Geld fehlt, wird {thing} in {town} frühestens in {n} Jahren erneuert.",
    "Die Kosten für den Umbau in {town} sind seit {month} um {n} Prozent gestiegen, wie {person} einräumte.",
    "Ein Feuer hat in der Nacht zum {day} eine Halle nahe {town} zerstört, der Schaden beträgt {n} Millionen Euro.",
    "Zwischen {town} und {other} verkehren ab {month} täglich {n} Busse, also doppelt so viele wie bisher.",
    "Der Stadtrat {first} {person} warnte in {town} davor, {thing} zu verkaufen.",
    "Auf der Autobahn bei {town} staute sich der Verkehr am {day} auf einer Länge von {n} Kilometern.",
    "Nur {n} von {m} Schulen in {town} haben bisher einen Anschluss an das schnelle Netz.",
    "Die Gewerkschaft rief die Beschäftigten in {town} für {day} zu einem Streik von {n} Stunden auf.",
    "Nach langem Streit einigten sich {town} und {other} auf einen Vertrag, der {n} Jahre gelten soll.",
    "Das Wasser der Elbe ist bei {town} seit {day} um {n} Zentimeter gesunken.",
    "Wer in {town} eine Wohnung sucht, zahlt laut {first} {person} im Schnitt {n} Euro mehr als vor einem Jahr.",
    "Am {day} übergab die {office} {person} den Schlüssel für {thing} in {town}.",
    "Ob der Betrieb in {town} weitergeht, entscheidet sich nach Auskunft von {person} erst im {month}.",
    "Die Ernte fiel rund um {town} in diesem Jahr um {n} Prozent geringer aus, weil es im {month} kaum geregnet hatte.",
    "Insgesamt gingen in {town} {n} Bewerbungen ein, von denen {first} {person} nur wenige für geeignet hält.",
    "Kinder unter {n} Jahren zahlen in {town} keinen Eintritt, Familien bekommen am {day} einen Nachlass.",
    "Eine Sprecherin aus {town} bestätigte am {day}, dass {firm} nicht mehr als {n} Millionen Euro bietet.",
)


@dataclass(frozen=True, slots=True)
class Article:
    """An article for the benchmarks, as a sequence of German sentences."""

    sentences: tuple[str, ...]

    @property
    def text(self) -> str:
        """The text of the article, with its sentences grouped into paragraphs."""
        starts = range(0, len(self.sentences), PARAGRAPH_SENTENCES)
        return "\n\n".join(" ".join(self.sentences[start : start + PARAGRAPH_SENTENCES]) for start in starts)

    def edited(self, place: int) -> "Article":
        """Return a copy of the article with a word added to the sentence at index ``place``."""
        first, _, rest = self.sentences[place].partition(" ")
        return Article((*self.sentences[:place], f"{first} gestern {rest}", *self.sentences[place + 1 :]))


class Articles:
    """A source of articles for the benchmarks.

    `take` returns the same articles whenever it is called with the same name.
    """

    def __init__(self, sentences: Iterator[str], seed: int) -> None:
        self._sentences = sentences
        self._rng = random.Random(seed)
        self._taken: dict[str, list[Article]] = {}

    @classmethod
    def of(cls, data: Path | None, seed: int) -> Self:
        """Return a source of articles whose sentences are lines of ``eval/*.de`` in the folder ``data``.

        If ``data`` is None, the sentences are generated from `PATTERNS` instead. ``seed`` determines the articles.
        """
        return cls(made(seed) if data is None else lines(data, seed), seed)

    def take(self, name: str, count: int, least: int = LEAST, most: int = MOST) -> list[Article]:
        """Return the ``count`` articles with this name. Each has ``least`` to ``most`` sentences.

        The first call with a name creates the articles.

        Raises:
            ValueError: an earlier call with this name had a different ``count``.
        """
        if name not in self._taken:
            sizes = [self._rng.randint(least, most) for _ in range(count)]
            self._taken[name] = [Article(tuple(next(self._sentences) for _ in range(size))) for size in sizes]
        found = self._taken[name]
        if len(found) != count:
            raise ValueError(f"{name}: an earlier call took {len(found)} articles, not {count}")
        return found


def made(seed: int) -> Iterator[str]:
    """Yield an endless sequence of different sentences that are generated from `PATTERNS`."""
    rng = random.Random(seed)
    seen: set[str] = set()
    while True:
        words = {name: rng.choice(values) for name, values in SLOTS.items()}
        other = rng.choice([town for town in SLOTS["town"] if town != words["town"]])
        sentence = rng.choice(PATTERNS).format(**words, other=other, n=rng.randint(13, 998), m=rng.randint(2, 9))
        if sentence not in seen:
            seen.add(sentence)
            yield sentence


def lines(data: Path, seed: int) -> Iterator[str]:
    """Yield an endless sequence of lines from the German test sets ``eval/*.de`` in the folder ``data``.

    Lines with more than `MOST_CHARS` characters and lines without letters are left out. Each pass through the test sets
    yields all remaining lines once, in a different order.

    Raises:
        SystemExit: there is no test set, or it has no suitable line.
    """
    rng = random.Random(seed)
    pool = sorted({line for path in (data / "eval").glob("*.de") for line in path.read_text("utf-8").splitlines()})
    pool = [line for line in pool if len(line) <= MOST_CHARS and any(map(str.isalpha, line))]
    if not pool:
        raise SystemExit(f"{data} contains no eval/*.de with a line of 1 to {MOST_CHARS} characters")
    while True:
        yield from rng.sample(pool, len(pool))
