"""The page at ``/``: static files that use the API like any other client."""
