"""Checks for Schemathesis that an OpenAPI schema cannot express. Schemathesis loads this file.

For example, the service may reject valid data only for known reasons.
"""

from typing import Any

import schemathesis

Case = schemathesis.Case[Any]
# Reasons in the text: it is empty, or the document contains none.
OF_TEXT = {"text_empty", "document_empty", "jsonld_invalid", "ninjs_invalid"}
# Reasons of DeepL's and LibreTranslate's endpoints: the language, and fields that require each other.
OF_PEERS = {"source_lang_unsupported", "needs_tag_handling", "markup_unsupported", "file_unsupported"}
OF_PEERS |= {"target_lang_unsupported"}
# Reasons in fields: conflicts, empty terms, unknown names.
OF_FIELDS = {"length_conflict", "term_empty", "term_twice", "glossary_unknown", "as_without_output"}
OF_FIELDS |= {
    "memory_invalid",
    "document_without_uri",
    "previous_unsupported",
    "webhook_refused",
    "house_style_unknown",
}
REASONS = OF_TEXT | OF_PEERS | OF_FIELDS
REFUSED = (400, 422)
TIMEOUT = "Request-Timeout-Ms"
LATE = {503: "too_slow", 504: "deadline_exceeded"}
SHORT_MS = 30_000  # a busy machine may exceed a shorter deadline


UNKNOWN_HEADER = "x-schemathesis-unknown-property"


@schemathesis.hook
def filter_case(_: schemathesis.HookContext, case: Case) -> bool:
    """Return False for a case with an unknown header, which is then skipped.

    HTTP requires servers to ignore unknown headers, but Schemathesis expects a 4xx status.
    """
    return UNKNOWN_HEADER not in (case.headers or {})


@schemathesis.check
def refusal_of_valid_data_has_a_reason(
    _: schemathesis.CheckContext, response: schemathesis.Response, case: Case
) -> None:
    """Check that the service rejects data that fits the schema only with an error code in ``REASONS``."""
    if case.meta is not None and case.meta.generation.mode.is_positive and response.status_code in REFUSED:
        code = response.json().get("code")
        assert code in REASONS, f"{code}: the schema lets through what the service refuses"


@schemathesis.check
def only_a_short_time_runs_out(_: schemathesis.CheckContext, response: schemathesis.Response, case: Case) -> None:
    """Check that the service returns 503 or 504 only for requests with a time limit of less than 30 seconds."""
    if response.status_code in LATE:
        assert response.json()["code"] == LATE[response.status_code]
        assert int(dict(case.headers or {}).get(TIMEOUT, SHORT_MS)) < SHORT_MS
