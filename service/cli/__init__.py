"""The command-line interface of the service."""
