"""Tests of headlines by a causal model: their sources and checks, and the notice if fewer than requested are found."""

from pathlib import Path

from service.generation.call import Call
from service.results import Headlines
from tests.pipeline.causal import CausalStand, Script, causal_stand
from tests.pipeline.rig import codes, stand

COUNCIL = "Der Stadtrat von Musterhausen stimmte am Dienstag mit großer Mehrheit dem Umbau des Hallenbads zu."
COSTS = "Für den Umbau rechnet die Verwaltung mit Kosten von 12,5 Millionen Euro."
SCHOOLS = "Die Schulen weichen während der Bauzeit in zwei Nachbarstädte aus."
TEXT = f"{COUNCIL} {COSTS} {SCHOOLS}"
BUILDING = "Musterhausen baut das Hallenbad um"
PRICE = "Umbau kostet 12,5 Millionen Euro"
PUPILS = "Schulen müssen in Nachbarstädte ausweichen"


async def write(at: CausalStand, text: str = TEXT, count: int = 3, headline: str | None = None) -> Headlines:
    (found,) = await at.headliner().write([text], count, Call(), headline=headline)
    return found


def by_source(_task: str, text: str) -> list[str]:
    return {TEXT: [BUILDING, PRICE], SCHOOLS: [PUPILS]}.get(text, [])


def texts(found: Headlines) -> list[str]:
    return [one.text for one in found.headlines]


async def test_headlines_have_support_in_the_text(tmp_path: Path) -> None:
    async with causal_stand(tmp_path, Script(by_source)) as at:
        found = await write(at)
        assert {task for task, _ in at.script.asked} == {"headline"}
        assert TEXT in [text for _, text in at.script.asked]
    assert texts(found) == [BUILDING, PRICE, PUPILS]
    assert [[span.of(TEXT) for span in one.support] for one in found.headlines] == [[COUNCIL], [COSTS], [SCHOOLS]]
    assert [one.notices for one in found.headlines] == [(), (), ()]
    assert codes(found) == []


async def test_no_more_headlines_than_requested(tmp_path: Path) -> None:
    async with causal_stand(tmp_path, Script(by_source)) as at:
        assert texts(await write(at, count=1)) == [BUILDING]


async def test_fewer_headlines_are_reported(tmp_path: Path) -> None:
    async with causal_stand(tmp_path, Script(lambda *_: [BUILDING])) as at:
        found = await write(at)
    assert texts(found) == [BUILDING]
    assert [(one.code, one.review) for one in found.notices] == [("headlines_fewer", False)]


async def test_own_headline_and_near_copies_are_not_repeated(tmp_path: Path) -> None:
    copies = [BUILDING, f"{BUILDING}: Rat stimmt zu", PRICE]
    async with causal_stand(tmp_path, Script(lambda _, text: copies if text == TEXT else [])) as at:
        assert texts(await write(at)) == [BUILDING, PRICE]
        assert texts(await write(at, headline="Musterhausen baut das Hallenbad um."))[1:] == [PRICE]
        assert BUILDING not in texts(await write(at, headline=BUILDING))


async def test_headline_that_fails_a_rule_is_not_delivered(tmp_path: Path) -> None:
    outputs = ["Potsdam baut das Hallenbad um", "Umbau kostet 13,5 Millionen Euro", f"{BUILDING} {'und um' * 20}"]
    async with causal_stand(tmp_path, Script(lambda *_: outputs)) as at:
        found = await write(at)
    assert texts(found) == []
    assert [(one.code, one.review) for one in found.notices] == [("headlines_missing", False)]


async def test_headline_must_follow_from_its_sources(tmp_path: Path) -> None:
    judged = []

    def follows(premise: str, hypothesis: str) -> float:
        judged.append(premise)
        return -1.0 if hypothesis == PRICE else 4.0

    async with causal_stand(tmp_path, Script(by_source, follows=follows)) as at:
        assert texts(await write(at)) == [BUILDING, PUPILS]
    assert set(judged) == {TEXT, SCHOOLS}


async def test_length_limit_is_a_setting(tmp_path: Path) -> None:
    async with causal_stand(tmp_path, Script(by_source)) as at:
        (found,) = await at.headliner(max_chars=len(PRICE)).write([TEXT], 3, Call())
    assert texts(found) == [PRICE]


async def test_text_without_sentences_has_no_headlines(tmp_path: Path) -> None:
    async with causal_stand(tmp_path, Script(by_source)) as at:
        for text in ("", "12:30", "Ohne Ende"):
            assert codes(await write(at, text)) == ["headlines_missing"]
        assert at.script.asked == []


async def test_lead_is_as_long_as_the_model_takes(tmp_path: Path) -> None:
    async with causal_stand(tmp_path, Script(by_source), max_source_tokens=100) as at:
        await write(at)
        asked = [text for _, text in at.script.asked]
    assert asked
    assert TEXT not in asked
    assert all(at.generator.fits(text) for text in asked)


async def test_second_request_is_cached(tmp_path: Path) -> None:
    async with causal_stand(tmp_path, Script(by_source)) as at:
        headliner = at.headliner()
        (first,) = await headliner.write([TEXT], 3, Call())
        asked = len(at.script.asked)
        (second,) = await headliner.write([TEXT], 3, Call())
        assert len(at.script.asked) == asked
    assert (first.cached, second.cached) == (False, True)
    assert second.headlines == first.headlines


async def test_model_that_is_not_causal_says_so(pieces: Path) -> None:
    from service.summarization.headlines import Headliner

    async with stand(pieces, "summary") as at:
        (found,) = await Headliner(at.generator, at.cache, None).write([TEXT], 3, Call())
        assert at.reached == []
    assert (found.headlines, codes(found)) == ((), ["headlines_unavailable"])
