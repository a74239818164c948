"""HTTP: requests in, answers out; no work is done here."""
