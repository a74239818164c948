"""The cache for finished sentences and documents, in memory and in Redis."""
