"""Throughput under load: Depesche beside what else can serve the same weights, in one run on one machine."""
