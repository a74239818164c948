"""Fuzz targets of the code that reads texts of callers, their regressions, and a command."""
