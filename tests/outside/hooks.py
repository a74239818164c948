"""Schemathesis checks that a schema cannot express: valid data is rejected only for known reasons.

Schemathesis loads this file.
"""

from typing import Any

import schemathesis

Case = schemathesis.Case[Any]
# Reasons in the text: it is empty, or the document contains none.
OF_TEXT = {"text_empty", "document_empty", "jsonld_invalid", "ninjs_invalid"}
# Reasons of DeepL's and LibreTranslate's endpoints: the language, and fields that require each other.
OF_PEERS = {"source_lang_unsupported", "needs_tag_handling", "markup_unsupported"}
# Reasons in fields: conflicts, empty terms, unknown names.
OF_FIELDS = {"length_conflict", "term_empty", "term_twice", "glossary_unknown", "as_without_output"}
OF_FIELDS |= {"document_without_uri"}
REASONS = OF_TEXT | OF_PEERS | OF_FIELDS
REFUSED = (400, 422)
TIMEOUT = "Request-Timeout-Ms"
LATE = {503: "too_slow", 504: "deadline_exceeded"}
SHORT_MS = 30_000  # a busy machine may exceed a shorter deadline


UNKNOWN_HEADER = "x-schemathesis-unknown-property"


@schemathesis.hook
def filter_case(_: schemathesis.HookContext, case: Case) -> bool:
    """Skip cases with an unknown header. HTTP requires servers to ignore such headers, but Schemathesis expects 4xx."""
    return UNKNOWN_HEADER not in (case.headers or {})


@schemathesis.check
def refusal_of_valid_data_has_a_reason(
    _: schemathesis.CheckContext, response: schemathesis.Response, case: Case
) -> None:
    """Check that valid data is rejected only for one of the listed reasons."""
    if case.meta is not None and case.meta.generation.mode.is_positive and response.status_code in REFUSED:
        code = response.json().get("code")
        assert code in REASONS, f"{code}: the schema lets through what the service refuses"


@schemathesis.check
def only_a_short_time_runs_out(_: schemathesis.CheckContext, response: schemathesis.Response, case: Case) -> None:
    """Check that 503 and 504 are returned only for requests with a short deadline."""
    if response.status_code in LATE:
        assert response.json()["code"] == LATE[response.status_code]
        assert int(dict(case.headers or {}).get(TIMEOUT, SHORT_MS)) < SHORT_MS
