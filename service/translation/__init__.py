"""Translation of texts with one model."""
