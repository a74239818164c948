"""The stable codes of errors and warnings, with their meaning for callers.

The OpenAPI document, the reference in ``docs/api`` and the metrics use the tables in this module. A test checks that
the tables contain every code that the service uses. Callers must accept unknown codes, because later versions may add
codes.
"""

from typing import NamedTuple

from service.languages.base import Language
from service.text.language_id import foreign_code


class ErrorCode(NamedTuple):
    """The code of an error response.

    ``statuses`` contains the HTTP statuses with which the endpoints of /v1 and /admin return the code or, for the
    codes in `PEER_ERRORS`, those of the endpoints that use these codes. It is empty if the code is used for any other
    status. ``action`` states what the caller should do.
    """

    code: str
    statuses: tuple[int, ...]
    meaning: str
    action: str


class WarningCode(NamedTuple):
    """The code of a warning in a successful response. ``action`` states what a CMS or an editor should do."""

    code: str
    meaning: str
    action: str


_FIX = "Correct the request. A retry without a change fails again."
_CONFIG = "Inform the operator of the service."
_RETRY = "Retry after the number of seconds in `Retry-After`."
ERRORS: tuple[ErrorCode, ...] = (
    ErrorCode("malformed_json", (400,), "The body is not valid JSON, or the body is missing.", _FIX),
    ErrorCode("path_invalid", (400,), "The path contains a control character.", _FIX),
    ErrorCode("key_missing", (401,), "The service requires an API key, but the request has none.", "Send a key."),
    ErrorCode("key_unknown", (401,), "The API key is not valid.", "Check the key, or request a new one."),
    ErrorCode("key_expired", (401,), "The API key has expired.", "Request a new key from the operator."),
    ErrorCode("access_denied", (403,), "The request is not authorised.", "Check the key."),
    ErrorCode(
        "scope_missing", (403,), "The API key does not permit this endpoint.", "Request a key with the missing scope."
    ),
    ErrorCode(
        "host_refused",
        (403,),
        "There are no API keys, and the `Host` header of a request to the administration port is not a loopback name.",
        "Send the request to `localhost`, `127.0.0.1` or `[::1]`, or set `DEPESCHE_KEYS_FILE`.",
    ),
    ErrorCode("not_found", (404,), "There is no such path or resource.", _FIX),
    ErrorCode(
        "job_unknown",
        (404,),
        "There is no such job, its result has expired or was purged, or it belongs to another key.",
        "Send the request again, and read its result before `expires_at`.",
    ),
    ErrorCode("method_not_allowed", (405,), "The path does not support this method.", _FIX),
    ErrorCode("not_acceptable", (406,), "The `Accept` header allows neither JSON nor an event stream.", _FIX),
    ErrorCode(
        "body_timeout", (408,), "The body did not arrive in time.", "Retry. Check the network if this happens again."
    ),
    ErrorCode("body_too_large", (413,), "The body exceeds the size limit in `errors[0].limit`.", "Split the request."),
    ErrorCode("unsupported_media_type", (415,), "`Content-Type` is not `application/json`.", _FIX),
    ErrorCode(
        "encoding_unsupported",
        (415,),
        "The body has a `Content-Encoding`, such as `gzip`.",
        "Send the body without compression.",
    ),
    ErrorCode("invalid_request", (422,), "One or more fields are invalid. `errors` lists up to 20 of them.", _FIX),
    ErrorCode("text_empty", (422,), "The text is empty or blank, or the list of texts is empty.", "Skip this text."),
    ErrorCode("text_too_long", (422,), "A text exceeds the limit in `errors[0].limit`.", "Split the text."),
    ErrorCode(
        "text_not_unicode", (422,), "A text contains a lone surrogate, so it is not valid Unicode.", "Repair the text."
    ),
    ErrorCode("too_many_articles", (422,), "The batch has more than 64 articles.", "Send several batches."),
    ErrorCode("too_many_texts", (422,), "The list of texts exceeds the limit.", "Send several requests."),
    ErrorCode(
        "document_ambiguous", (422,), "The document contains several articles.", "Send one article per document."
    ),
    ErrorCode(
        "async_not_storable",
        (422,),
        "`Prefer: respond-async` stores the result in Redis. An embargo, `no-store` or `DEPESCHE-Cache` forbids this.",
        "Send the request without `Prefer: respond-async`.",
    ),
    ErrorCode(
        "webhook_refused",
        (422,),
        "The operator has not allowed this webhook URL, or `Prefer: respond-async` is missing.",
        "Use an allowed URL, or omit the header.",
    ),
    ErrorCode(
        "previous_unsupported",
        (422,),
        "`previous` was sent for an article whose body is HTML.",
        "Send the body as text, or omit `previous`.",
    ),
    ErrorCode("docx_invalid", (422,), "The Word document is damaged.", _FIX),
    ErrorCode("docx_too_large", (422,), "The Word document exceeds a size limit.", "Send the text instead."),
    ErrorCode("newsml_invalid", (422,), "The document is not valid NewsML-G2.", _FIX),
    ErrorCode(
        "text_too_complex", (422,), "The processing of the text takes too much time or memory.", "Split the text."
    ),
    ErrorCode("too_many_sentences", (422,), "The request has too many sentences.", "Split the request."),
    ErrorCode("too_many_values", (422,), "The JSON body has too many values.", "Send several requests."),
    ErrorCode("too_many_attributes", (422,), "A tag in the web page has too many attributes.", _FIX),
    ErrorCode("html_too_deep", (422,), "The elements of the web page are nested too deeply.", _FIX),
    ErrorCode("header_repeated", (422,), "The header `Content-Type` occurs more than once.", _FIX),
    ErrorCode(
        "embargo_not_served",
        (422,),
        "The request is under embargo, but no translation model runs in this process.",
        _CONFIG,
    ),
    ErrorCode(
        "work_too_large",
        (422,),
        "The request has more sentences or tokens than the queue can hold.",
        "Send several requests.",
    ),
    ErrorCode(
        "work_over_rate", (422,), "The request alone exceeds the caller's rate limit.", "Send several smaller requests."
    ),
    ErrorCode("json_too_deep", (422,), "The JSON body has too many nested levels.", _FIX),
    ErrorCode("length_conflict", (422,), "The request sets more than one summary length.", _FIX),
    ErrorCode("length_too_small", (422,), "A summary length is less than 1.", _FIX),
    ErrorCode("length_unknown", (422,), "The named summary length does not exist.", _FIX),
    ErrorCode("term_empty", (422,), "A glossary term contains no word, or its translation is blank.", _FIX),
    ErrorCode("term_twice", (422,), "A term is both in `glossary` and in `do_not_translate`.", _FIX),
    ErrorCode("terms_alike", (422,), "Too many glossary terms begin with the same words.", "Remove some of the terms."),
    ErrorCode("glossary_unknown", (422,), "The server has no glossary with this name.", "Check `glossary_name`."),
    ErrorCode(
        "house_style_unknown", (422,), "The server has no house style with this name.", "Check `house_style.base`."
    ),
    ErrorCode(
        "memory_invalid",
        (422,),
        "The corrections in `memory` are neither JSON Lines nor TMX, one of them is blank, or a limit is exceeded.",
        "Send a file that the web page exported, or a list of objects with `source` and `target`.",
    ),
    ErrorCode("document_unknown", (422,), "The format of the document is not supported.", _FIX),
    ErrorCode("document_empty", (422,), "The document contains no article text.", "Send the text in `body` instead."),
    ErrorCode("document_without_uri", (422,), "The output format needs a URI, which the document lacks.", _FIX),
    ErrorCode("jsonld_invalid", (422,), "The JSON-LD document is not an article.", _FIX),
    ErrorCode("ninjs_invalid", (422,), "The document does not follow the ninjs schema.", _FIX),
    ErrorCode("format_unknown", (422,), "The output format in `as` is not supported.", _FIX),
    ErrorCode(
        "as_without_output", (422,), "`as` is set, but `outputs` contains neither `translation` nor `summary`.", _FIX
    ),
    ErrorCode("task_not_served", (422,), "The service has no model for this task.", _CONFIG),
    ErrorCode("source_lang_unsupported", (422,), "The service does not translate from this language.", _FIX),
    ErrorCode("target_lang_unsupported", (422,), "The service does not translate into this language.", _FIX),
    ErrorCode("rate_exceeded", (429,), "The caller has sent too many requests or characters.", _RETRY),
    ErrorCode("quota_exceeded", (429,), "The quota of characters for a day or a longer period is used up.", _RETRY),
    ErrorCode(
        "internal",
        (500,),
        "An unexpected error occurred.",
        "Report `request_id` to the operator, who can find it in the log.",
    ),
    ErrorCode(
        "engine_failed",
        (500,),
        "The model failed.",
        "Retry once. If the error recurs, report `request_id` to the operator.",
    ),
    ErrorCode("model_invalid", (500,), "A model cannot be loaded (only `/admin/reload`).", _CONFIG),
    ErrorCode("weights_mismatch", (500,), "A model file does not match its checksum (only `/admin/reload`).", _CONFIG),
    ErrorCode(
        "lock_mismatch",
        (500,),
        "A pulled model does not match `models.lock` (only the command `depesche models`).",
        _CONFIG,
    ),
    ErrorCode(
        "unsafe_weights",
        (500,),
        "A pulled weights file contains unsafe objects (only the command `depesche models`).",
        _CONFIG,
    ),
    ErrorCode(
        "async_unavailable",
        (501,),
        "The request starts or reads a job, but the service has no Redis server to store results.",
        "Send the request without `Prefer: respond-async`.",
    ),
    ErrorCode(
        "job_lost",
        (500,),
        "The process that ran the job ended, or the result could not be stored, for example because of a purge.",
        "Send the request again.",
    ),
    ErrorCode("jobs_unavailable", (503,), "The Redis server that stores the results does not respond.", _RETRY),
    ErrorCode("queue_full", (503,), "A queue is full, or the process already runs 64 jobs.", _RETRY),
    ErrorCode(
        "too_slow",
        (503,),
        "The queued work would take much longer than the time until the deadline of the request.",
        _RETRY,
    ),
    ErrorCode("worker_lost", (500,), "The worker process that processed the text ended unexpectedly.", "Retry once."),
    ErrorCode("engine_unavailable", (503,), "The remote model is not available.", _RETRY),
    ErrorCode("not_ready", (503,), "The models are being loaded, or an engine is being rebuilt.", _RETRY),
    ErrorCode(
        "unavailable",
        (503,),
        "The models could not be loaded. The code of the reason is at the start of `detail`.",
        f"{_CONFIG} Retries fail until the operator has solved the problem.",
    ),
    ErrorCode("draining", (503,), "The process is shutting down.", _RETRY),
    ErrorCode(
        "purge_incomplete", (503,), "The shared cache may still contain some entries.", "Send the purge request again."
    ),
    ErrorCode(
        "deadline_exceeded",
        (504,),
        "The work was not finished in time. Unless the request forbids it, finished sentences are cached.",
        "Retry, if possible with a longer `Request-Timeout-Ms`. Split long texts.",
    ),
    ErrorCode("engine_hung", (504,), "The model did not respond in time.", "Retry after a few seconds."),
    ErrorCode("http_error", (), "The request failed with another HTTP status.", _FIX),
)

PEER_ERRORS: tuple[ErrorCode, ...] = (
    ErrorCode("malformed_form", (400,), "The form body is malformed.", _FIX),
    ErrorCode("needs_tag_handling", (400,), "A parameter requires another value of `tag_handling`.", _FIX),
    ErrorCode("file_unsupported", (400,), "The type or the encoding of the file is not supported.", _FIX),
    ErrorCode("markup_unsupported", (400,), "The XML contains a construct that is not supported.", _FIX),
)
"""The codes that only the endpoints for clients of DeepL and LibreTranslate use."""

_COMPARE = "Compare the passage with the source, and correct it."
_INFORM = "No action is required."
WARNINGS: tuple[WarningCode, ...] = (
    WarningCode(
        "number_unsupported", "A number in the output is not in the source.", "Insert the number from the source."
    ),
    WarningCode("number_missing", "A number in the source is missing from the output.", _COMPARE),
    WarningCode(
        "magnitude_changed", "The order of magnitude of a number differs from the source.", "Correct the number."
    ),
    WarningCode("unit_changed", "A currency, a percentage or a unit of measurement changed.", _COMPARE),
    WarningCode("date_unsupported", "A date or time in the output is not in the source.", _COMPARE),
    WarningCode("date_missing", "A date or time in the source is missing from the output.", _COMPARE),
    WarningCode("name_unsupported", "A name in the output is not in the source.", "Check which name is correct."),
    WarningCode("name_missing", "A name in the source is missing from the output.", "Check whether the name was lost."),
    WarningCode("quotation_missing", "The output has fewer quotation marks than the source.", _COMPARE),
    WarningCode("quotation_added", "The output quotes words that the source does not quote.", _COMPARE),
    WarningCode("quotation_empty", "Quotation marks in the output enclose no words.", "Translate the quotation."),
    WarningCode("quotation_altered", "A summary quotes words that are not in the source.", "Insert the exact words."),
    WarningCode("negation_lost", "The source has a negation that the output lacks.", "Read both sentences."),
    WarningCode("negation_added", "The output has a negation that the source lacks.", "Read both sentences."),
    WarningCode(
        "repetition",
        "The output repeats a word or phrase, and the source contains no repetition.",
        "Delete the repetition.",
    ),
    WarningCode("repetition_removed", "The model repeated a phrase, and the service removed the repetition.", _COMPARE),
    WarningCode("sentence_repeated", "Two different source sentences have the same output.", _COMPARE),
    WarningCode("output_too_short", "The output is much shorter than usual for its source.", "Look for missing text."),
    WarningCode("output_too_long", "The output is much longer than usual for its source.", "Look for invented text."),
    WarningCode("untranslated", "The output contains words in the source language.", "Translate these words."),
    WarningCode(
        "empty_output",
        "A source sentence has words but no output, or an output sentence has no words.",
        "Correct the sentence.",
    ),
    WarningCode("hypothesis_changed", "The service used an output other than the model's most likely one.", _INFORM),
    WarningCode(
        "sentence_unsupported",
        "No source sentence supports or corresponds to a sentence of the output.",
        "Delete the sentence.",
    ),
    WarningCode("control_characters", "The text contains control characters.", "Remove them from the source."),
    WarningCode(
        "markup_in_text",
        "A text that was sent as plain text contains HTML.",
        "Send it again with the format `html`.",
    ),
    WarningCode("context_unused", "The translation model does not use the field `context`.", _INFORM),
    WarningCode("sentence_split", "A sentence was too long for the model and was translated in parts.", _COMPARE),
    WarningCode(
        "truncated",
        "The output is incomplete, because it or its source sentences exceed a length limit.",
        "Complete the text.",
    ),
    WarningCode("term_not_applied", "The output does not contain the translation of a term.", "Insert the term."),
    WarningCode(
        "not_cleaned", "Cleaning would have removed the whole body, so nothing was removed.", "Check the body."
    ),
    WarningCode(
        "page_pasted", "The text is a whole page, and the article was extracted from it.", "Check `article.removed`."
    ),
    WarningCode("maybe_furniture", "A passage that was kept may be navigation or advertising.", "Check the passage."),
    WarningCode("method_changed", "The summary uses a method other than the requested one.", _INFORM),
    WarningCode(
        "unit_missing", "A number has a unit or currency in the source, but not in the output.", "Insert the unit."
    ),
    WarningCode("low_confidence", "The model was not certain of the translation of the sentence.", _COMPARE),
    WarningCode(
        "meaning_reversed", "The output has a word with the opposite meaning of a word in the source.", _COMPARE
    ),
    WarningCode(
        "literal_missing",
        "An address, a placeholder or an emoji is missing from the output, or touches another word there.",
        "Copy it from the source.",
    ),
    WarningCode(
        "sign_missing",
        "A sign of the source, such as § or a minus sign, is missing from the output.",
        "Insert the sign.",
    ),
    WarningCode("markup_left", "The output contains a tag, a character reference or Markdown.", "Delete the markup."),
    WarningCode(
        "character_broken",
        "The model wrote a replacement character, which the service removes, or the output contains one.",
        "Correct the word.",
    ),
    WarningCode(
        "word_unknown", "A word of the output is neither in the English dictionary nor in the source.", _COMPARE
    ),
    WarningCode(
        "sentence_broken", "A sentence of the summary is incomplete or has an error.", "Repair or delete the sentence."
    ),
    WarningCode(
        "reference_lost",
        "A sentence of the summary depends on a source sentence that the summary leaves out.",
        "Name the person or thing.",
    ),
    WarningCode(
        "replacement_characters",
        "The text contains replacement characters, which mark lost letters.",
        "Repair the source.",
    ),
    WarningCode(
        "content_credentials",
        "The text contains content credentials, which the service removes from the output.",
        _INFORM,
    ),
    WarningCode(
        "answer_invalid",
        "The remote model gave no usable answer, so the sentence is not translated.",
        "Translate the sentence.",
    ),
    WarningCode("instruction_in_source", "A source sentence looks like an instruction to a language model.", _COMPARE),
    WarningCode("translation_unsupported", "The output does not seem to be a translation of its source.", _COMPARE),
    WarningCode("starter_model", "A starter model produced an output, which is not fit for publication.", _CONFIG),
    WarningCode("nothing_to_summarise", "The text contains no sentence to summarise.", "Write the summary by hand."),
    WarningCode("length_unreachable", "No complete sentence fits within the requested length.", "Increase the length."),
    WarningCode("house_style_applied", "The house style changed a word, a number or a sign.", _INFORM),
    WarningCode("length_exceeded", "The summary exceeds the requested length.", "Shorten the summary."),
    WarningCode("shorter_than_asked", "The summary is shorter than requested.", _INFORM),
    WarningCode(
        "alternatives_fewer", "A sentence has fewer different translations than `alternatives` requests.", _INFORM
    ),
    WarningCode("variants_fewer", "There are fewer variants than requested.", _INFORM),
    WarningCode("headlines_fewer", "There are fewer headlines than requested.", _INFORM),
    WarningCode("headlines_missing", "No headline passed the checks.", "Write the headline by hand."),
    WarningCode("headlines_unavailable", "The summary model cannot write headlines.", _CONFIG),
)


def warnings_for(source: Language) -> tuple[WarningCode, ...]:
    """Return the warning codes that the service can return if its source language is ``source``."""
    meaning = f"The text does not seem to be in {source.name}."
    return (*WARNINGS, WarningCode(foreign_code(source), meaning, "Check the language of the text."))
