"""All fuzz targets, by name."""

from tests.fuzz import cleaner, documents, markup, segmenter

TARGETS = {module.TARGET.name: module.TARGET for module in (cleaner, segmenter, markup, documents)}
