"""The page at ``/``: static files that use the service as any other client does."""
