"""What answers hold, as events: each result, and the codes of its warnings; never a word of it."""

from collections.abc import Iterator, Sequence

from pydantic import BaseModel

from service.api import schemas
from service.events import Output, ResultGiven


def outcomes(answer: BaseModel) -> Iterator[ResultGiven]:
    """One event for each result of an answer of /v1, in its order; the cleaned article counts as one."""
    match answer:
        case schemas.TranslateResponse():
            yield from (given("translation", one) for one in answer.translations)
        case schemas.SummarizeResponse():
            output: Output = "summary" if answer.translation_model is None else "summary_translation"
            for summary in answer.summaries:
                yield from _with_variants(output, summary)
        case schemas.ArticleResponse():
            yield ResultGiven("article", _codes(answer.article.warnings), needs_review=False, truncated=False)
            yield from _of_article(answer)


def _of_article(answer: schemas.ArticleResponse) -> Iterator[ResultGiven]:
    if answer.summary is not None:
        yield from _with_variants("summary", answer.summary)
    if answer.translation is not None:
        yield given("translation", answer.translation)
    if answer.summary_translation is not None:
        yield from _with_variants("summary_translation", answer.summary_translation)


def _with_variants(output: Output, summary: schemas.SummaryOut) -> Iterator[ResultGiven]:
    """A variant may be published as well as the first, so it counts as a result of its own."""
    return (given(output, one) for one in (summary, *summary.variants))


def given(output: Output, result: schemas.TranslationOut | schemas.VariantOut) -> ResultGiven:
    """The event of one result."""
    return ResultGiven(output, _codes(result.warnings), result.needs_review, result.truncated)


def _codes(warnings: Sequence[schemas.WarningOut]) -> tuple[str, ...]:
    return tuple(sorted({warning.code for warning in warnings}))
