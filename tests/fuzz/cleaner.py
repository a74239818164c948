"""A fuzz target for the cleaning of articles: no visible text is lost or duplicated, and every span is correct."""

from service.cleaning.boilerplate import read_lines
from service.cleaning.clean import CleanedArticle, clean
from service.domain import Span
from tests.fuzz.target import Target
from tests.fuzz.vocabulary import phrases
from tests.languages import DE

SEPARATOR = "\x1e"  # separates the headline, the lead and the text in an input
PROSE = "Die Bahn will ab Mai mehr Züge von Bonn nach Berlin schicken, wie ein Sprecher am Montag mitteilte."
SEEDS = (
    (
        f"Startseite > Politik\n\nBahn will mehr Züge\n\nVon Ina Ort\n\nStand: 31.12.2021, 10:03 Uhr\n\n{PROSE}\n\n"
        f"Foto: AP\n\nAnzeige\n\n{PROSE}\n\nMehr zum Thema\n\nLesen Sie auch: Was jetzt gilt\n\n© dpa-infocom"
    ),
    f"Bahn will mehr Züge{SEPARATOR}{PROSE}{SEPARATOR}Bahn will mehr Züge\n{PROSE}\n\n{PROSE} {PROSE}\nTeilen\nMerken",
    f"VERKEHR\nVERKEHRBahn will mehr Züge\n(dpa) – {PROSE}\n1. Startseite\n2. Politik\nArtikel anhören\nLesezeit 3 Min",
    f"BERLIN (AP) — {PROSE}\nDie Bahn will ab Mai mehr\nZüge von Bonn nach Berlin\nschicken, hieß es.\nQuelle: dpa/afp",
)


def work(text: str) -> CleanedArticle:
    """Clean an input of the fuzzer. ``text`` contains the body, optionally after a headline and a lead."""
    *given, body = text.split(SEPARATOR, 2)
    return clean(body, DE, headline=given[0] if given else None, lead=given[1] if len(given) > 1 else None)


def check(text: str) -> None:
    """Raise an exception if cleaning loses or duplicates visible text, or returns a wrong span."""
    body = text.split(SEPARATOR, 2)[-1]
    cleaned = work(text)
    done = 0
    for span, value in _parts(cleaned):
        if span == cleaned.headline_span:  # its lines are joined
            assert "".join(span.of(body).split()) == "".join((value or "").split())
        else:
            assert span.of(body) == value
        assert span.start >= done
        assert not body[done : span.start].strip()
        done = span.end
    assert not body[done:].strip()
    assert "\n\n".join(mapping.cleaned.of(cleaned.body) for mapping in cleaned.spans) == cleaned.body
    assert all(removed.text and removed.reason for removed in cleaned.removed)
    assert bool(cleaned.body or cleaned.removed or cleaned.headline_span or cleaned.lead_span) == bool(
        read_lines(body, DE)
    )
    for notice in cleaned.notices:
        assert notice.span is None or 0 <= notice.span.start < notice.span.end <= len(body)


def _parts(cleaned: CleanedArticle) -> list[tuple[Span, str | None]]:
    told = (
        (cleaned.headline_span, cleaned.headline),
        (cleaned.kicker_span, cleaned.kicker),
        (cleaned.lead_span, cleaned.lead),
    )
    found = [(span, text) for span, text in told if span is not None]
    found += [(mapping.source, mapping.cleaned.of(cleaned.body)) for mapping in cleaned.spans]
    return sorted([*found, *((removed.span, removed.text) for removed in cleaned.removed)])


TARGET = Target("cleaner", check, work, SEEDS, (*phrases(), SEPARATOR, "\n\n", " > ", " | ", "Uhr", "–", "©", "„", "“"))
