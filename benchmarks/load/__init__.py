"""Throughput benchmarks of the service, another checkout of it, and other systems with the same weights."""
