"""Model files on disk: the catalogue of manifests, and proof that files are what a manifest names."""
