"""The trust checks on good outputs with planted errors: how many are found, how many good outputs are flagged."""
