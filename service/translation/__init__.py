"""Translation of texts."""
