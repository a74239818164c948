"""Engines, which are the libraries that run models."""
