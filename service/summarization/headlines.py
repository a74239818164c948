"""Headlines for an article. A causal model writes them from parts of the article.

Each headline is checked against the part from which it was written and against the whole article.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from service.cache.tiers import Cache
from service.checks.assessment import check_summary
from service.checks.base import notice_of
from service.domain import Notice, Span
from service.generation.base import InputLimit, Scorer, TextGenerator
from service.generation.cached import Result
from service.generation.call import TEXT_THREADS, Call, TextThreads
from service.languages.base import Language, language
from service.results import Headline, Headlines
from service.summarization.candidates import Candidate, Candidates, Request, candidate_generator
from service.summarization.guard import is_fragment, repeats_sentence
from service.summarization.rewriting import Text, prepare_text
from service.summarization.selection import assess, relevance_order
from service.summarization.words import require_grammar, words

MAX_CHARS = 70
LEAD_CHARS = 700
"""The model was trained on leads of at most this length."""
MOST_SINGLE = 5
PART_COST = 0.1
"""The amount that is subtracted from the rank of a headline for each more important part of the article."""

Part = tuple[int, ...]
"""The indices of the sentences that a headline is written from."""


class Headliner:
    """A writer of headlines that uses one text generator and caches the candidates for each part of an article."""

    def __init__(
        self,
        generator: TextGenerator,
        cache: Cache,
        secret: bytes | None,
        *,
        scorer: Scorer | None = None,
        max_chars: int = MAX_CHARS,
        threads: TextThreads = TEXT_THREADS,
    ) -> None:
        """Create a writer of headlines of up to ``max_chars`` characters. A causal model requires a ``scorer``.

        ``secret`` is the key for the hashes that are used as cache keys.

        Raises:
            ModelError: the language has no rules for summaries, or `candidate_generator` raises this error.
        """
        self._language = language(generator.manifest.source_lang)
        require_grammar(self._language)
        self._max_chars = max_chars
        self._threads = threads
        self._candidates = candidate_generator(generator, scorer, self._language, cache, secret, threads)

    async def write(
        self,
        texts: Sequence[str],
        count: int,
        call: Call,
        *,
        headline: str | None = None,
        origins: Sequence[str] | None = None,
        doubtful: Sequence[Span] = (),
    ) -> list[Headlines]:
        """Write up to ``count`` headlines for each of ``texts``, best first. The results are in the order of the texts.

        ``headline`` is the existing headline of the article, which the new ones must not repeat. A cache entry is
        tagged with the text as it was submitted. If ``texts`` were changed after submission, ``origins`` contains the
        submitted texts. ``doubtful`` contains the spans of parts of a single text that may not belong to the article;
        the headlines use them only if there is little other text (see `prepare_text`). If the model is not causal, no
        headlines are written, and a notice states this.

        Raises:
            InvalidInput: a text is not valid Unicode or has too many sentences.
            QueueFull, DeadlineExceeded, EngineError: see `CachedGenerator.results`.
        """
        generator, off_loop = self._candidates, self._threads.off_loop
        if generator is None:
            return [Headlines((), (_UNAVAILABLE,), cached=True) for _ in texts]
        limit = generator.generator.limit
        with call.timings.measured("segment"):
            found = [await off_loop(len(text), prepare_text, text, self._language, doubtful) for text in texts]
        with call.timings.measured("select"):
            parts = [
                await off_loop(len(text), _parts, one, count, limit) for text, one in zip(texts, found, strict=True)
            ]
        tags = generator.tags(texts if origins is None else origins)
        asked = [
            (Request("headline", tuple(text.sentences[n] for n in part), self._max_chars), tag)
            for text, of_text, tag in zip(found, parts, tags, strict=True)
            for part in of_text
        ]
        made = iter(await generator.results([one for one, _ in asked], [tag for _, tag in asked], call))
        results = [[(part, next(made)) for part in of_text] for of_text in parts]
        with call.timings.measured("finish"):
            wanted = Wanted(count, headline, self._language)
            return [
                await off_loop(len(text), _chosen, text, one, of_text, wanted)
                for text, one, of_text in zip(texts, found, results, strict=True)
            ]


def _parts(text: Text, count: int, limit: InputLimit) -> list[Part]:
    """Return the parts of a text from which headlines are written, most important first.

    A part is a tuple of sentence indices. The parts are the opening sentences together, the first sentence, and the
    most relevant further sentences. At most ``count`` parts, and at most five, consist of a single sentence. Fragments,
    such as subheadings, and parts that are too long for the model are left out.
    """
    whole = [n for n, sentence in enumerate(text.sentences) if not is_fragment(sentence)]
    if not whole:
        return []
    others = set(whole[1:])
    order = [n for n in relevance_order(assess(text.sentences)) if n in others]
    single = [whole[0], *order][: min(count, MOST_SINGLE)]
    parts = dict.fromkeys([_lead(text, whole, limit), *((n,) for n in single)])
    return [part for part in parts if limit.fits(" ".join(text.sentences[n] for n in part))]


def _lead(text: Text, whole: Sequence[int], limit: InputLimit) -> Part:
    """Return the part that consists of the opening sentences. ``whole`` contains the indices of complete sentences.

    The part has at most `LEAD_CHARS` characters and is not too long for the model. It has at least one sentence, even
    if this sentence is longer.
    """
    lead: list[int] = []
    for n in whole:
        longer = " ".join(text.sentences[one] for one in (*lead, n))
        if lead and (len(longer) > LEAD_CHARS or not limit.fits(longer)):
            break
        lead.append(n)
    return tuple(lead)


@dataclass(frozen=True, slots=True)
class Wanted:
    """A request for ``count`` headlines in ``language``.

    ``headline`` is the existing headline of the article, which the new headlines must not repeat.
    """

    count: int
    headline: str | None
    language: Language


def _chosen(source: str, text: Text, results: Sequence[tuple[Part, Result[Candidates]]], wanted: Wanted) -> Headlines:
    """Return the best headlines. No headline repeats another one or the existing headline of the article."""
    ranked = sorted(_ranked(results), key=lambda found: -found[0])
    taken: list[tuple[Candidate, Part]] = []
    for _, candidate, part in ranked:
        others = [one.text for one, _ in taken]
        if len(taken) < wanted.count and not _is_known(candidate.text, others, wanted.headline):
            taken.append((candidate, part))
    headlines = tuple(_headline(source, text, candidate, part, wanted.language) for candidate, part in taken)
    cached = all(result.cached for _, result in results)
    return Headlines(headlines, (*text.notices, *_fewer(len(headlines), wanted.count)), cached)


def _ranked(results: Sequence[tuple[Part, Result[Candidates]]]) -> Iterator[tuple[float, Candidate, Part]]:
    for number, (part, result) in enumerate(results):
        for candidate in result.value:
            yield candidate.rank - PART_COST * number, candidate, part


def _is_known(text: str, others: Sequence[str], headline: str | None) -> bool:
    own = [word.lower() for word in words(text)]
    repeated = headline is not None and own == [word.lower() for word in words(headline)]
    return repeated or any(repeats_sentence(text, other) for other in others)


def _headline(source: str, text: Text, candidate: Candidate, part: Part, language: Language) -> Headline:
    support = tuple(text.spans[part[n]] for n in candidate.support)
    whole = Span(0, len(candidate.text))
    findings = check_summary(source, candidate.text, [(whole, support)], language)
    return Headline(candidate.text, support, tuple(map(notice_of, findings)))


_UNAVAILABLE = Notice("headlines_unavailable", "the summary model cannot write headlines", review=False)


def _fewer(found: int, wanted: int) -> list[Notice]:
    """Return a notice if there are fewer headlines than requested, and otherwise an empty list."""
    if not found:
        return [Notice("headlines_missing", "no headline passed the checks", review=False)]
    message = f"only {found} of {wanted} headlines are available; the others were too similar or failed the checks"
    return [Notice("headlines_fewer", message, review=False)] if found < wanted else []
