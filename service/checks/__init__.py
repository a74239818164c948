"""Checks of a translation or summary against its source."""
