"""Cache of finished sentences and documents, in memory and in Redis."""
