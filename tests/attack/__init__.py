"""Attacks on a running service. While an attack is running, another caller, the victim, uses the service."""
