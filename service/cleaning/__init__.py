"""Cleaning: the article within a pasted page."""
