"""Extraction of the article from a pasted page."""
