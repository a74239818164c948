"""Latency, memory and start of the service, beside their targets or beside another checkout, in one run."""
