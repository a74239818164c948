"""Batching: many callers' items become few engine calls; asyncio owns all state, threads own only the model."""
