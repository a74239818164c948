"""Tests that know of the service nothing but its OpenAPI document."""
