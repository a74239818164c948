"""Tests that the service does not have the faults in the translation of markup that docs/complaints.md describes."""

import re
from collections import Counter

import pytest

from tests.api.both import Both, both
from tests.fake_engine import writing

SENTENCE = "Der neue rote Zug fährt heute nicht."
NESTED = "<p>Der <b>neue <i>rote <u>Zug</u></i></b> fährt heute <a href='/n'><span class='x'>nicht</span></a>.</p>"


async def html_of(ports: Both, html: str) -> str:
    answer = await ports.main.post("/v1/translate", json={"text": html, "format": "html"})
    found: str = answer.json()["translations"][0]["text"]
    return found


async def text_of(ports: Both, text: str) -> str:
    found: str = (await ports.translate(text)).json()["translations"][0]["text"]
    return found


def words(html: str) -> Counter[str]:
    return Counter(re.findall(r"\w+", re.sub(r"<[^>]*>", " ", html)))


async def test_inline_tags_split_no_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    """Check that a sentence with inline tags reaches the model with the same tokens as without the tags."""
    async with both(monkeypatch) as ports:
        await ports.main.post(
            "/v1/translate", json={"text": NESTED, "format": "html"}, headers={"cache-control": "no-store"}
        )
        await ports.translate(SENTENCE, **{"cache-control": "no-store"})
    (translator,) = (one for one in ports.engines if len(one.calls[-1]) == 1 and "▁Zug" in one.calls[-1][0].tokens)
    (of_html,), (of_text,) = translator.calls[-2:]
    assert of_html.tokens == of_text.tokens


async def test_line_ends_do_not_reach_the_model(monkeypatch: pytest.MonkeyPatch) -> None:
    async with both(monkeypatch) as ports:
        found = await html_of(ports, "<p>\n\t\tDer neue\r\n\t\t<b>rote\n\n</b> Zug\tfährt \n heute nicht.\n\t</p>")
        plain = await text_of(ports, SENTENCE)
    assert re.sub(r"\s+", " ", re.sub(r"</?\w+>", "", found)).strip() == plain


async def test_html_comments_are_unchanged(monkeypatch: pytest.MonkeyPatch) -> None:
    opening, closing = '<!-- wp:heading {"level":3,"style":{"color":"#000"}} -->', "<!-- /wp:heading -->"
    more = "<!-- wp:more --><!--more--><!-- /wp:more -->"
    async with both(monkeypatch) as ports:
        found = await html_of(ports, f"{opening}\n<h3>{SENTENCE}</h3>\n{closing}\n{more}<p>{SENTENCE}<!-- hier --></p>")
    assert found.startswith(f"{opening}\n<h3>")
    assert f"</h3>\n{closing}\n{more}<p>" in found
    assert found.count("<!-- hier -->") == 1


@pytest.mark.parametrize(
    "link",
    [
        '<a class="btn" style="color:#fff" href="/t"><strong>finden Sie hier</strong></a>',
        '<a href="/t"><span style="font-weight:400">finden</span> <em>Sie</em></a> hier',
        '<span class="a"><a href="/t" target="_blank"><span class="b">finden Sie</span></a></span> hier',
        'finden Sie <a href="/t"><i class="icon"></i>hier</a>',
    ],
)
async def test_text_around_links_is_kept(monkeypatch: pytest.MonkeyPatch, link: str) -> None:
    async with both(monkeypatch) as ports:
        found = await html_of(ports, f"<p>Alle weiteren Termine {link} und im Rathaus der Stadt.</p>")
        plain = await text_of(ports, "Alle weiteren Termine finden Sie hier und im Rathaus der Stadt.")
    assert words(found) == words(plain)
    for tag in re.findall(r"<[^>]+>", link):
        assert found.count(tag) >= 1


async def test_escaped_sign_stays_escaped(monkeypatch: pytest.MonkeyPatch) -> None:
    async with both(monkeypatch, writing(lambda tokens: (*tokens, "▁<b>&"))) as ports:
        found = await html_of(ports, "<p>Gilt 3 &lt; 4 &amp;&amp; 5 &gt; 4 auch im &lt;b&gt;?</p>")
    assert set(re.findall(r"<[^>]*>", found)) == {"<p>", "</p>"}
    assert "&lt;b&gt;" in found
    assert re.search(r"&(?!(?:lt|gt|amp);)", found) is None
