"""All fuzz targets, by name."""

from tests.fuzz import cache_entries, cleaner, documents, docx, events, markup, objects, segmenter, wire

TARGETS = {
    target.name: target
    for target in (
        cleaner.TARGET,
        wire.TARGET,
        segmenter.TARGET,
        markup.TARGET,
        documents.TARGET,
        objects.JSONLD,
        objects.NINJS,
        docx.TARGET,
        cache_entries.TARGET,
        events.TARGET,
    )
}
