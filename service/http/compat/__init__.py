"""Endpoints compatible with other translation services."""
