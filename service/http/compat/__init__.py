"""Endpoints that are compatible with the APIs of other translation services."""
