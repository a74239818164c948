"""Latency, memory and start of a real server process with the embedded weights, beside their targets."""
