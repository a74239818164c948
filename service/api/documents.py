"""Articles as documents: what was submitted as a page, JSON-LD or ninjs, and the same shape back."""

from dataclasses import replace
from typing import Any

from service.api.provenance import TRAINED, credit, source_type
from service.api.requests import ArticleRequest
from service.api.state import ApiState
from service.api.texts import require_fitting, require_text
from service.documents.document import Document, Edition
from service.documents.shapes import read_document, write_document
from service.errors import InvalidInput
from service.pipeline.article import ArticleResult, Submission
from service.pipeline.manner import Manner
from service.pipeline.served import ServedModel
from service.pipeline.threads import off_loop


async def submission_of(body: ArticleRequest, manner: Manner, state: ApiState) -> tuple[Submission, Document | None]:
    """The article that a request holds, in its fields or as a document; fields go before the document's own.

    Raises:
        InvalidInput: the document holds no article, or a text is blank, too long or no Unicode.
    """
    document = None
    headline, lead, text = body.headline, body.lead, body.body or ""
    if body.document is not None:
        source = body.document if isinstance(body.document, str) else ""
        document = await off_loop(len(source), read_document, body.document)
        headline, lead, text = headline or document.headline, lead or document.lead, document.body
        manner = replace(manner, format=document.body_format)
    require_text(text, "/body" if document is None else "/document", state.limits)
    for field, part in (("/headline", headline), ("/lead", lead)):
        require_fitting(part or "", field, state.limits)
    return Submission(text, headline or None, lead or None, body.clean, manner), document


def document_out(
    body: ArticleRequest,
    submission: Submission,
    document: Document | None,
    result: ArticleResult,
    models: list[ServedModel],
    made_at: str,
) -> dict[str, Any] | None:
    """The outputs in the shape that was asked for; None where none was.

    With a translation it is the English article with the English summary, else the German one with the German summary.

    Raises:
        InvalidInput: the document lacks what the shape needs.
    """
    if body.as_ is None:
        return None
    plain = Document("page", submission.headline, submission.lead, submission.body, submission.manner.format)
    return write_document(document or plain, _edition(submission, result, models, made_at), body.as_)


def _edition(submission: Submission, result: ArticleResult, models: list[ServedModel], made_at: str) -> Edition:
    translated, english, german = result.translation, result.summary_translation, result.summary
    if translated is not None:
        parts = translated.headline, translated.lead, translated.body.text
        summary = None if english is None else english.text
        return Edition("en", *parts, summary, TRAINED, credit(models), made_at)
    if german is None:
        raise InvalidInput("as_without_output", "a document needs a translation or a German summary", pointer="/as")
    article = result.article
    body = submission.body if submission.manner.format == "html" else article.body
    return Edition(
        "de", article.headline, article.lead, body, german.text, source_type(german), credit(models), made_at
    )
