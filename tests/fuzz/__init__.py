"""Fuzz targets for the code that reads texts of callers, their regressions, and a command to run them."""
