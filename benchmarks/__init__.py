"""Benchmarks for the speed of the engines and the service, the quality of the models, and the trust checks."""
