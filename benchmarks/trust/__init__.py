"""Benchmarks of the trust checks: how many planted errors they find, and how many good outputs they flag."""
