"""Latency, memory and start-up time of the service, compared with their targets or with another checkout."""
