"""Engines: libraries that run a model."""
