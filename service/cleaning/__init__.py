"""Cleaning: the article's region in a pasted page."""
