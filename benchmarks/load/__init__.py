"""Throughput benchmarks of the service, of another checkout, and of other systems that use the same model weights."""
