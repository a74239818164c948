"""Model files on disk: the catalogue of manifests, the way from the hub to an installed model, and proofs of both."""
