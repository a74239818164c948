"""Summarization of texts."""
