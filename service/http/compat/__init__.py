"""Endpoints that are compatible with other translation services."""
