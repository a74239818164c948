"""Summarization of German texts."""
