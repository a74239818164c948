"""Fuzz targets for the code that processes callers' texts, their regression inputs, and a command to run them."""
