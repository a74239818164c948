"""Tests of all kinds of failures of a remote model's server.

The caller must receive either a correct text or a warning or error.
"""

import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from service.errors import EngineUnavailable
from service.events import AnswerInvalid, RemoteAway, RemoteBack, RemoteCalled
from tests.remote.rig import RemoteStand, codes, remote_stand, until
from tests.remote_server import Reply, remote_server, said, sentence_of

FIRST = "Der Stadtrat hat am Montag den Haushalt beschlossen."
SECOND = "Die Kosten schätzt die Verwaltung auf elf Millionen Euro."
THIRD = "Die Arbeiten sollen im Frühjahr beginnen."
ENGLISH = {
    FIRST: "The city council passed the budget on Monday.",
    SECOND: "The administration estimates the costs at eleven million euros.",
    THIRD: "The work is to begin in spring.",
}
TEXT = " ".join(ENGLISH)
WHOLE = " ".join(ENGLISH.values())


def good(body: dict[str, Any]) -> Reply:
    """Return a response with the right translation, in the form that the prompt requires."""
    return said(f"1: {ENGLISH[sentence_of(body)]}")


def bad_for_second(*replies: Reply) -> Callable[[dict[str, Any]], Reply]:
    """Return a function that answers requests for the second sentence with ``replies``, one after the other.

    The last reply is repeated. Requests for other sentences get the right translation.
    """
    left = list(replies)

    def script(body: dict[str, Any]) -> Reply:
        if sentence_of(body) != SECOND:
            return good(body)
        return left.pop(0) if len(left) > 1 else left[0]

    return script


async def until_ready(stand: RemoteStand) -> None:
    """Wait until the generator no longer regards the server as unavailable."""
    await until(lambda: stand.generator.health != "away")


async def test_a_good_server_translates_each_sentence_in_its_own_request() -> None:
    with remote_server(good) as server:
        async with remote_stand(server.url) as stand:
            (found,) = await stand.translate(TEXT)
    assert (found.text, codes(found)) == (WHOLE, set())
    assert sorted(server.sentences()) == sorted(ENGLISH)


@pytest.mark.parametrize(
    "answer",
    [
        "",
        "The administration estimates the costs at eleven million euros.",
        "1: The administration estimates\n2: the costs at eleven million euros.",
        "1: The administration estimates the costs at eleven million euros.\n\nI hope this helps!",
        "1: **The administration** estimates the costs at eleven million euros.",
        "```\n1: The administration estimates the costs at eleven million euros.\n```",
        "1: I'm sorry, but I can't translate this text.",
        "Here is the translation:\n1: The administration estimates the costs at eleven million euros.",
        "<think>The user wants</think>1: The administration estimates the costs.",
        "1:",
    ],
    ids=["empty", "no-number", "two-lines", "remark", "bold", "fence", "apology", "preamble", "thoughts", "no-text"],
)
async def test_a_wrong_form_costs_one_sentence(answer: str) -> None:
    with remote_server(bad_for_second(said(answer))) as server:
        async with remote_stand(server.url) as stand:
            (found,) = await stand.translate(TEXT)
            invalid = stand.of_type(AnswerInvalid)
    assert found.text == f"{ENGLISH[FIRST]} {SECOND} {ENGLISH[THIRD]}"
    assert codes(found) == {"answer_invalid"}
    (notice,) = [one for one in found.notices if one.code == "answer_invalid"]
    assert notice.span is not None
    assert notice.span.of(TEXT) == SECOND
    assert len(server.bodies) == 4  # the second sentence is requested again, with a reminder of the form
    assert len(invalid) == 1


@pytest.mark.parametrize("form", ["json", "plain"])
@pytest.mark.parametrize(
    "answer",
    [
        "",
        "The administration estimates\nthe costs at eleven million euros.",
        "**The administration** estimates the costs at eleven million euros.",
        "I'm sorry, but I can't translate this text.",
    ],
    ids=["empty", "two-lines", "bold", "apology"],
)
async def test_a_wrong_answer_in_another_form_costs_one_sentence(answer: str, form: str) -> None:
    def wrapped(text: str) -> Reply:
        return said(json.dumps({"text": text}) if form == "json" else text)

    def script(body: dict[str, Any]) -> Reply:
        source = body["messages"][-1]["content"].partition("\n\nYour last answer")[0].rpartition("\n")[2]
        return wrapped(answer if source == SECOND else ENGLISH[source])

    with remote_server(script) as server:
        async with remote_stand(server.url, form=form) as stand:
            (found,) = await stand.translate(TEXT)
    assert found.text == f"{ENGLISH[FIRST]} {SECOND} {ENGLISH[THIRD]}"
    assert codes(found) == {"answer_invalid"}


async def test_a_reminder_repairs_a_wrong_form() -> None:
    script = bad_for_second(said("Sure! Here you go."), said(f"1: {ENGLISH[SECOND]}"))
    with remote_server(script) as server:
        async with remote_stand(server.url) as stand:
            (found,) = await stand.translate(TEXT)
    assert (found.text, codes(found)) == (WHOLE, set())
    asked = [body["messages"][-1]["content"] for body in server.bodies if sentence_of(body) == SECOND]
    assert ["did not have the required form" in prompt for prompt in asked] == [False, True]


async def test_a_sentence_without_an_answer_is_not_cached() -> None:
    script = bad_for_second(said("no"), said("no"), said(f"1: {ENGLISH[SECOND]}"))
    with remote_server(script) as server:
        async with remote_stand(server.url) as stand:
            await stand.translate(TEXT)
            (found,) = await stand.translate(TEXT)
    assert (found.text, found.cached, found.of) == (WHOLE, 2, 3)


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        ("Die Kosten schätzt die Verwaltung auf elf Millionen Euro.", "untranslated"),
        ("Die Verwaltung rechnet damit, dass die Kosten bei elf Millionen Euro liegen werden.", "untranslated"),
        ("The administration estimates the costs at twelve million euros.", "number_unsupported"),
        ("The administration estimates the costs at eleven million euros, says Angela Merkel.", "name_unsupported"),
        ("The administration does not estimate the costs at eleven million euros.", "negation_added"),
        ("OK.", "output_too_short"),
    ],
)
async def test_a_wrong_content_has_its_warning(answer: str, code: str) -> None:
    with remote_server(bad_for_second(said(f"1: {answer}"))) as server:
        async with remote_stand(server.url) as stand:
            (found,) = await stand.translate(TEXT)
    assert answer in found.text
    assert code in codes(found)


async def test_half_an_answer_is_reported_as_truncated() -> None:
    script = bad_for_second(said("1: The administration estimates the costs at", finish_reason="length"))
    with remote_server(script) as server:
        async with remote_stand(server.url) as stand:
            (found,) = await stand.translate(TEXT)
    assert found.truncated
    assert "truncated" in codes(found)


@pytest.mark.parametrize(
    "failure",
    [
        Reply(status=500),
        Reply(status=503, headers=(("Retry-After", "0.05"),)),
        said("1: x", broken=True),
        Reply(raw=b"not json"),
        Reply(raw=b'{"choices": []}'),
        Reply(raw=b'{"choices": [{"message": {"content": 3}}]}'),
        Reply(raw=b'"' + b"x" * (2**20 + 1) + b'"'),
        said("1: late", delay_s=4.0),
    ],
    ids=["500", "503", "broken-off", "no-json", "no-choice", "wrong-type", "too-large", "slow"],
)
async def test_a_passing_failure_is_retried(failure: Reply) -> None:
    with remote_server(bad_for_second(failure, said(f"1: {ENGLISH[SECOND]}"))) as server:
        async with remote_stand(server.url, timeout_s=2.0) as stand:
            (found,) = await stand.translate(TEXT)
    assert (found.text, codes(found)) == (WHOLE, set())
    assert len(server.bodies) == 4


async def test_a_lasting_failure_in_mid_article_is_an_error_and_keeps_the_other_sentences() -> None:
    down = [True]

    def script(body: dict[str, Any]) -> Reply:
        return Reply(status=500) if down[0] and sentence_of(body) == SECOND else good(body)

    with remote_server(script) as server:
        async with remote_stand(server.url) as stand:
            with pytest.raises(EngineUnavailable):
                await stand.translate(TEXT)
            down[0] = False
            (found,) = await stand.translate(TEXT)
    assert (found.text, found.cached, found.of) == (WHOLE, 2, 3)


async def test_429_waits_as_long_as_the_server_asks() -> None:
    limited = Reply(status=429, headers=(("Retry-After", "0.3"),))
    with remote_server(bad_for_second(limited, said(f"1: {ENGLISH[SECOND]}"))) as server:
        async with remote_stand(server.url) as stand:
            started_s = time.monotonic()
            (found,) = await stand.translate(TEXT)
    assert found.text == WHOLE
    assert time.monotonic() - started_s >= 0.3


async def test_429_for_longer_than_the_deadline_fails_at_once_with_that_delay() -> None:
    with remote_server(lambda _: Reply(status=429, headers=(("Retry-After", "900"),))) as server:
        async with remote_stand(server.url) as stand:
            with pytest.raises(EngineUnavailable) as refused:
                await stand.translate(FIRST)
            assert refused.value.retry_after_s == 900
            assert stand.generator.health == "ready"  # a busy server is not away
    assert len(server.bodies) == 1


async def test_a_server_that_goes_away_and_comes_back() -> None:
    with remote_server(good) as server:
        async with remote_stand(server.url) as stand:
            await stand.translate(FIRST)
            server.script, server.models_status = lambda _: Reply(status=502), 502
            for _ in range(2):
                with pytest.raises(EngineUnavailable):
                    await stand.translate(THIRD)
            assert stand.generator.health == "away"
            assert len(stand.of_type(RemoteAway)) == 1
            sent = len(server.bodies)
            with pytest.raises(EngineUnavailable) as refused:
                await stand.translate(THIRD)
            assert refused.value.retry_after_s > 0
            assert len(server.bodies) == sent  # the circuit breaker sends nothing
            (cached,) = await stand.translate(FIRST)
            assert (cached.text, cached.cached) == (ENGLISH[FIRST], 1)
            server.script, server.models_status = good, 200
            await until_ready(stand)
            assert stand.of_type(RemoteBack)
            (found,) = await stand.translate(THIRD)
    assert found.text == ENGLISH[THIRD]


async def test_a_server_that_is_away_at_startup_is_no_error() -> None:
    with remote_server(good) as server:
        url = server.url
    async with remote_stand(url) as stand:
        assert stand.generator.health == "away"
        with pytest.raises(EngineUnavailable):
            await stand.translate(FIRST)
        with remote_server(good, port=int(url.split(":")[2].split("/")[0])):
            await until_ready(stand)
            (found,) = await stand.translate(FIRST)
    assert found.text == ENGLISH[FIRST]


async def test_a_missing_answer_is_reported_for_a_text_in_another_language() -> None:
    text = "The council meets on Monday. It will decide about the new bridge."
    with remote_server(lambda _: said("I cannot help with that.")) as server:
        async with remote_stand(server.url) as stand:
            (found,) = await stand.translate(text)
    assert codes(found) == {"answer_invalid", "source_not_german"}


@pytest.mark.parametrize("status", [401, 403, 404, 302])
async def test_a_server_that_refuses_the_key_or_the_model_is_unavailable(status: int) -> None:
    with remote_server(lambda _: Reply(status=status, headers=(("Location", "http://127.0.0.1:9/"),))) as server:
        async with remote_stand(server.url) as stand:
            with pytest.raises(EngineUnavailable):
                await stand.translate(FIRST)
            assert {event.outcome for event in stand.of_type(RemoteCalled)} == {"not_accepted"}


async def test_a_refused_text_costs_one_sentence() -> None:
    with remote_server(bad_for_second(Reply(status=400))) as server:
        async with remote_stand(server.url) as stand:
            (found,) = await stand.translate(TEXT)
    assert found.text == f"{ENGLISH[FIRST]} {SECOND} {ENGLISH[THIRD]}"
    assert codes(found) == {"answer_invalid"}
    assert len(server.bodies) == 6  # with and without the optional fields, and again with a reminder


async def test_a_server_without_the_optional_fields_gets_only_the_basic_ones() -> None:
    def script(body: dict[str, Any]) -> Reply:
        return Reply(status=422) if "logprobs" in body else good(body)

    with remote_server(script) as server:
        async with remote_stand(server.url) as stand:
            found = [(await stand.translate(one))[0].text for one in (FIRST, THIRD)]
    assert found == [ENGLISH[FIRST], ENGLISH[THIRD]]
    assert ["logprobs" in body for body in server.bodies] == [True, False, False]
