"""Tests by the OpenAPI document of the service."""
