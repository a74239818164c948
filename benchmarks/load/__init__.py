"""Benchmarks of throughput under load: the service, another checkout of it, or other systems with the same weights."""
