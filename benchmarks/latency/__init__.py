"""Benchmarks of latency, memory and start-up time, which compare the service with targets or with another checkout."""
