"""What a schema cannot say: which refusals well-formed data may meet. Schemathesis loads this file."""

from typing import Any

import schemathesis

Case = schemathesis.Case[Any]
# The text itself: none that a model would see, or none that a document holds.
OF_TEXT = {"text_empty", "document_empty", "jsonld_invalid", "ninjs_invalid"}
# Of DeepL's and LibreTranslate's endpoints: the text's own language, and what only makes sense together.
OF_PEERS = {"source_lang_unsupported", "needs_tag_handling", "markup_unsupported"}
# Fields that do not go together, terms without words, names that this service does not have.
OF_FIELDS = {"length_conflict", "term_empty", "term_twice", "glossary_unknown", "as_without_output"}
OF_FIELDS |= {"document_without_uri"}
REASONS = OF_TEXT | OF_PEERS | OF_FIELDS
REFUSED = (400, 422)
TIMEOUT = "Request-Timeout-Ms"
LATE = {503: "too_slow", 504: "deadline_exceeded"}
SHORT_MS = 30_000  # less than this a busy machine may not keep


@schemathesis.check
def refusal_of_valid_data_has_a_reason(
    _: schemathesis.CheckContext, response: schemathesis.Response, case: Case
) -> None:
    """Data that fits its schema is refused for one of these reasons alone."""
    if case.meta is not None and case.meta.generation.mode.is_positive and response.status_code in REFUSED:
        code = response.json().get("code")
        assert code in REASONS, f"{code}: the schema lets through what the service refuses"


@schemathesis.check
def only_a_short_time_runs_out(_: schemathesis.CheckContext, response: schemathesis.Response, case: Case) -> None:
    """A 503 or 504 is an answer to a request that gave itself little time."""
    if response.status_code in LATE:
        assert response.json()["code"] == LATE[response.status_code]
        assert int(dict(case.headers or {}).get(TIMEOUT, SHORT_MS)) < SHORT_MS
