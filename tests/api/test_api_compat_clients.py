"""Tests that unmodified DeepL and LibreTranslate clients can use a running service."""

import re
import urllib.error
from collections.abc import Iterator
from contextlib import closing

import deepl
import pytest
from libretranslatepy import LibreTranslateAPI

from tests.chaos.server import Server, serving

TEXT = "Der Zug fährt heute nicht."
OTHER = "Das Museum öffnet am Sonntag um zehn Uhr."
ENGLISH = "The government said on Friday that it would not raise taxes this year."


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with serving() as found:
        yield found


@pytest.fixture
def client(server: Server) -> Iterator[deepl.Translator]:
    """Yield DeepL's own Python client, configured with the server and an arbitrary key."""
    with closing(deepl.Translator("any-key:fx", server_url=server.url)) as translator:
        yield translator


@pytest.fixture
def libre(server: Server) -> LibreTranslateAPI:
    """Return LibreTranslate's own Python client, configured with the server and an arbitrary key."""
    return LibreTranslateAPI(server.url, "any-key")


def v1(server: Server, text: str, **options: str) -> str:
    """Return the translation of ``text`` from ``/v1/translate``. ``options`` are other fields of the request."""
    answer = server.post("/v1/translate", {"text": text, **options}).json()
    found: str = answer["translations"][0]["text"]
    return found


def one(found: deepl.TextResult | list[deepl.TextResult]) -> deepl.TextResult:
    assert isinstance(found, deepl.TextResult)
    return found


@pytest.mark.parametrize("target", ["EN-US", "EN-GB", "en-gb", deepl.Language.ENGLISH_AMERICAN])
def test_deepl_matches_v1(client: deepl.Translator, server: Server, target: str) -> None:
    found = one(client.translate_text(TEXT, source_lang="DE", target_lang=target))
    assert found.text == v1(server, TEXT)
    assert found.detected_source_lang == "DE"
    assert found.billed_characters == len(TEXT)


def test_deepl_keeps_text_order(client: deepl.Translator, server: Server) -> None:
    found = client.translate_text([OTHER, "", TEXT], target_lang="EN-US")
    assert isinstance(found, list)
    assert [each.text for each in found] == [v1(server, OTHER), "", v1(server, TEXT)]
    assert [each.billed_characters for each in found] == [len(OTHER), 0, len(TEXT)]


@pytest.mark.parametrize("tags", ["html", "xml"])
def test_deepl_markup_matches_v1(client: deepl.Translator, server: Server, tags: str) -> None:
    markup = f'<!-- wp:paragraph --><p class="intro">{TEXT}</p><p>{OTHER}<br/><code>a &lt; b</code></p>'
    found = one(client.translate_text(markup, target_lang="EN-US", tag_handling=tags))
    assert found.text == v1(server, markup, format="html")
    assert found.text.startswith('<!-- wp:paragraph --><p class="intro">')
    assert "<br/><code>a &lt; b</code></p>" in found.text


def test_deepl_split_sentences_is_honoured(client: deepl.Translator, server: Server) -> None:
    text = "Der Zug fährt\nheute nicht. Die Fahrgäste warten am Bahnhof. Der Bus kommt später."

    def split(how: str) -> str:
        return one(client.translate_text(text, target_lang="EN-US", split_sentences=how)).text

    at_lines = split(deepl.SplitSentences.ALL.value)
    at_sentences = split(deepl.SplitSentences.NO_NEWLINES.value)
    nowhere = split(deepl.SplitSentences.OFF.value)
    assert at_lines == v1(server, text)
    assert "\n" in at_lines
    assert "\n" not in at_sentences
    assert len({at_lines, at_sentences, nowhere}) == 3


@pytest.mark.parametrize("option", [{"formality": "prefer_more"}, {"preserve_formatting": True}, {"context": "Sport"}])
def test_deepl_accepts_options_without_effect(client: deepl.Translator, server: Server, option: dict[str, str]) -> None:
    assert one(client.translate_text(TEXT, target_lang="EN-US", extra_body_parameters=option)).text == v1(server, TEXT)


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ({"target_lang": "FR"}, "Value for 'target_lang' not supported"),
        ({"source_lang": "FR"}, "Value for 'source_lang' not supported"),
        ({"ignore_tags": "x,y"}, "Value for 'ignore_tags' not supported: this parameter requires 'tag_handling'"),
        ({"splitting_tags": ["x"]}, "Value for 'splitting_tags' not supported: this parameter requires 'tag_handling'"),
        (
            {"non_splitting_tags": ["x"]},
            "Value for 'non_splitting_tags' not supported: this parameter requires 'tag_handling'",
        ),
        ({"glossary": "a-glossary", "source_lang": "DE"}, "there is no glossary with this name"),
        ({"glossary_ids": ["one", "two"], "source_lang": "DE"}, "Value for 'glossary_ids' not supported"),
        ({"custom_instructions": ["Kurz."]}, "Parameter 'custom_instructions' is not supported"),
        ({"formality": "more"}, "Value for 'formality' not supported"),
        ({"formality": deepl.Formality.LESS}, "Value for 'formality' not supported"),
        ({"outline_detection": False}, "Value for 'outline_detection' not supported"),
        ({"tag_handling": "markdown"}, "Value for 'tag_handling' not supported"),
    ],
)
def test_deepl_unsupported_option_is_named(client: deepl.Translator, option: dict[str, str], message: str) -> None:
    with pytest.raises(deepl.DeepLException, match=f"Bad request, message: {message}"):
        client.translate_text(TEXT, **{"target_lang": "EN-US", **option})  # type: ignore[arg-type]  # one of many


def test_deepl_detects_xml_structure(client: deepl.Translator, server: Server) -> None:
    """Check that each XML element with a sentence is translated as a separate text."""
    markup = f"<Beitrag><Titel>{TEXT}</Titel><Absatz>{OTHER}</Absatz><Bild quelle='a.jpg'/></Beitrag>"
    found = one(client.translate_text(markup, target_lang="EN-US", tag_handling="xml")).text
    title, paragraph = v1(server, TEXT), v1(server, OTHER)
    assert found == f"<Beitrag><Titel>{title}</Titel><Absatz>{paragraph}</Absatz><Bild quelle='a.jpg'/></Beitrag>"


def test_deepl_tag_options_are_honoured(client: deepl.Translator, server: Server) -> None:
    """Check that splitting, non-splitting and ignored tags have their documented effect if all of them are set."""
    markup = (
        f"<dokument><par><teil>Der Zug fährt</teil> <teil>heute nicht.</teil></par><par>{OTHER}</par>"
        "<roh>Dieser Satz bleibt &lt;so&gt;.</roh></dokument>"
    )
    found = one(
        client.translate_text(
            markup,
            target_lang="EN-US",
            tag_handling="xml",
            outline_detection=False,
            splitting_tags=["par", "roh"],
            non_splitting_tags="teil",
            ignore_tags="roh",
        )
    ).text
    assert "<roh>Dieser Satz bleibt &lt;so&gt;.</roh></dokument>" in found
    assert f"<par>{v1(server, OTHER)}</par>" in found
    assert found.count("<teil>") == found.count("</teil>") == 2
    assert re.sub("</?teil>", "", found).startswith(f"<dokument><par>{v1(server, TEXT)}</par>")


def test_deepl_accepts_typo3_requests(client: deepl.Translator, server: Server) -> None:
    """Check that a request in the form that the TYPO3 extension `deepltranslate_core` sends is translated."""
    markup = f'<p>{TEXT}</p><ul><li>{OTHER} <a href="t3://page?uid=1">Mehr</a></li></ul><t3-ignore>f:link</t3-ignore>'
    found = one(
        client.translate_text(
            markup,
            target_lang="EN-US",
            tag_handling="xml",
            splitting_tags=["p", "li", "ul", "h1", "td"],
            non_splitting_tags=["a", "strong", "em"],
            ignore_tags=["t3-ignore"],
            extra_body_parameters={"tag_handling_version": "v2", "formality": "default"},
        )
    ).text
    assert found.startswith(f"<p>{v1(server, TEXT)}</p><ul><li>")
    assert re.search(r'<a href="t3://page\?uid=1">\w+</a></li></ul><t3-ignore>f:link</t3-ignore>$', found)


@pytest.mark.parametrize(
    ("markup", "word"), [("<a1><![CDATA[Ein Satz.]]></a1>", "CDATA"), ("<!DOCTYPE a [<!ENTITY x 'y'>]><a/>", "DTD")]
)
def test_deepl_unreadable_xml_is_refused(client: deepl.Translator, markup: str, word: str) -> None:
    with pytest.raises(deepl.DeepLException, match=f"'xml' cannot be combined with an? .*{word}"):
        client.translate_text(markup, target_lang="EN-US", tag_handling="xml")


def test_deepl_lists_no_glossary_if_there_is_none(client: deepl.Translator) -> None:
    assert client.list_glossaries() == []
    assert client.get_glossary_languages() == []


def test_deepl_foreign_member_is_returned_unchanged(client: deepl.Translator, server: Server) -> None:
    found = client.translate_text([TEXT, ENGLISH], target_lang="EN-US")
    assert isinstance(found, list)
    assert [each.text for each in found] == [v1(server, TEXT), ENGLISH]
    assert [each.detected_source_lang for each in found] == ["DE", "EN"]


def test_deepl_single_foreign_text_is_named(client: deepl.Translator) -> None:
    with pytest.raises(deepl.DeepLException, match="language of text 1 seems to be 'en'"):
        client.translate_text(ENGLISH, target_lang="EN-US")


def test_deepl_lists_languages(client: deepl.Translator) -> None:
    assert [(each.code, each.name) for each in client.get_source_languages()] == [("DE", "German")]
    targets = client.get_target_languages()
    assert [each.code for each in targets] == ["EN", "EN-GB", "EN-US"]
    assert not any(each.supports_formality for each in targets)


def test_deepl_usage_reaches_no_limit(client: deepl.Translator) -> None:
    usage = client.get_usage()
    assert usage.character.valid
    assert not usage.any_limit_reached
    assert not usage.document.valid


def test_newer_deepl_client_translates(server: Server) -> None:
    with closing(deepl.DeepLClient("any-key", server_url=server.url)) as newer:
        assert one(newer.translate_text(TEXT, target_lang="EN-US")).text == v1(server, TEXT)


@pytest.mark.parametrize("source", ["de", "auto"])
def test_libretranslate_matches_v1(libre: LibreTranslateAPI, server: Server, source: str) -> None:
    assert libre.translate(TEXT, source, "en") == v1(server, TEXT)


def test_libretranslate_detects_languages(libre: LibreTranslateAPI) -> None:
    assert libre.detect(TEXT)[0]["language"] == "de"
    found = libre.detect(ENGLISH)
    assert found[0]["language"] == "en"
    assert 90 < found[0]["confidence"] <= 100


def test_libretranslate_lists_languages(libre: LibreTranslateAPI) -> None:
    assert {each["code"]: each["targets"] for each in libre.languages()} == {"de": ["en"], "en": []}


def test_libretranslate_refusal_is_an_error(libre: LibreTranslateAPI) -> None:
    with pytest.raises(urllib.error.HTTPError) as raised:
        libre.translate(TEXT, "de", "fr")
    with raised.value as answer:
        assert answer.code == 400
        assert b"Value for 'target' not supported" in answer.read()
