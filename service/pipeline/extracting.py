"""Extracts: which sentences of a text stand in its verbatim summaries, by number."""

from itertools import dropwhile

from service.pipeline.rewriting import Brief, Text
from service.summary.lead import lead
from service.summary.selection import assess, relevance, select
from service.summary.variants import Offer, variants

MOST_OFFERS = 100  # of which variants are made; what comes later in the order says too little


def beginning(text: Text, brief: Brief) -> list[int]:
    """The first sentences; in a style with a form of its own the first that fits is the first of them."""
    barred = brief.barred(text)
    free = [number for number in range(len(text.sentences)) if number not in barred]
    if brief.style != "abstract":
        free = list(dropwhile(lambda number: not brief.length.fits([text.sentences[number]]), free))
    return [free[n] for n in lead([text.sentences[number] for number in free], budget=brief.length)]


def selections(text: Text, brief: Brief) -> list[list[int]]:
    """The sentences of each variant, best first, in their own order; one that is empty where none fits."""
    barred = brief.barred(text)
    first = _selected(text, brief, barred)
    if brief.variants == 1 or not first:
        return [first]
    ranked = relevance(assess(text.sentences, headline=brief.headline).without(barred))
    scores = dict([(number, score) for number, score in ranked if number not in barred][:MOST_OFFERS])
    order = sorted({*scores, *first})
    offers = [Offer((text.sentences[number],), scores.get(number, 0.0)) for number in order]
    made = variants([(order.index(number), 0) for number in first], offers, brief.length, brief.variants)
    return [[order[offer] for offer, _ in choices] for choices in made]


def _selected(text: Text, brief: Brief, barred: frozenset[int]) -> list[int]:
    """The best sentences; the short ones among them where the others leave no room for as many as there have to be."""
    length = brief.length
    found = select(text.sentences, budget=length, headline=brief.headline, barred=barred)
    if len(found) >= length.min_sentences:
        return found
    share = length.share()
    long = {number for number, sentence in enumerate(text.sentences) if not share.fits([sentence])}
    short = select(text.sentences, budget=length, headline=brief.headline, barred=barred | long)
    return max(found, short, key=len)
