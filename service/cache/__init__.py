"""The cache: it stores sentence results in memory and in Redis, and the results of whole documents in memory only."""
