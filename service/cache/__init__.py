"""The cache, which stores the results of sentences in memory and in Redis, and those of whole documents in memory."""
