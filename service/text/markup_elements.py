"""What HTML's elements mean to a translation: which part a text, which stay as they are, and which have no end tag."""

from lxml.html.defs import tags

from service.text.markup_tokens import Token, attributes

VOID = frozenset(
    """area base basefont bgsound br col embed frame hr image img input keygen link meta param source track
    wbr""".split()
)
# Embeds that stand on their own are among them: no sentence goes on across a video.
BLOCK = frozenset(
    """address article aside audio base blockquote body canvas caption center col colgroup dd details dialog dir div dl
    dt embed fieldset figcaption figure footer form frame frameset h1 h2 h3 h4 h5 h6 head header hgroup hr html iframe
    legend li link listing main menu meta nav noembed noframes noscript object ol optgroup option p plaintext pre search
    section select summary table tbody td template tfoot th thead title tr ul video xmp""".split()
)
FOREIGN = frozenset({"math", "svg"})
ALL = frozenset(tags) | VOID | BLOCK | FOREIGN
"""Every element that HTML has or had."""
WITHIN_SENTENCES = frozenset(
    """a abbr acronym b bdi bdo big br cite del dfn em font i ins kbd mark nobr q s small span strike strong sub sup tt
    u wbr""".split()
)
"""Elements whose names say the same in other markup that borrows them."""
# Kept as they are, with all that is in them; only those that are part of a sentence lend it their words.
_WORDS = frozenset("code kbd samp tt var".split())
_SILENT = frozenset(
    """audio canvas iframe listing math noembed noframes noscript object plaintext pre script select style svg template
    textarea video xmp""".split()
)
_IMPLIED_ENDS = {
    "li": frozenset({"li"}),
    "dt": frozenset({"dt", "dd"}),
    "dd": frozenset({"dt", "dd"}),
    "td": frozenset({"td", "th"}),
    "th": frozenset({"td", "th"}),
    "tr": frozenset({"td", "th", "tr"}),
    "option": frozenset({"option"}),
}
_PARAGRAPH = frozenset({"p"})
_NOTHING: frozenset[str] = frozenset()
TEXT_ATTRIBUTES = frozenset({"alt", "title"})


def is_kept(html: str, tag: Token) -> bool:
    """Whether a start tag opens what comes out byte for byte, its end tag included."""
    return tag.name in _WORDS or tag.name in _SILENT or forbids_translation(html, tag)


def is_silent(name: str) -> bool:
    """Whether an element that is kept has no words for the sentence round it."""
    return name in _SILENT


def forbids_translation(html: str, tag: Token) -> bool:
    """Whether a start tag says ``translate="no"`` or has the class ``notranslate``."""
    if "translate" not in html[tag.start : tag.end].lower():
        return False
    found: dict[str, str] = {}
    for name, value in attributes(html, tag):
        found.setdefault(name, "" if value is None else value.of(html).strip("\"'").lower())
    return found.get("translate") == "no" or "notranslate" in found.get("class", "").split()


def ended_by(name: str) -> frozenset[str]:
    """The elements whose end tag may be left out before the start tag ``name``."""
    return _IMPLIED_ENDS.get(name, _PARAGRAPH if name in BLOCK else _NOTHING)
