"""Benchmarks: speed of the engines and the service, quality of the models, recall of the trust checks."""
