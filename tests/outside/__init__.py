"""Tests generated from the OpenAPI document of the service."""
