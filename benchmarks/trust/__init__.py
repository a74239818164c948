"""Benchmarks of the trust checks, which look for errors in translations and summaries.

The benchmarks measure how many planted errors the checks find, and how many good outputs they flag.
"""
