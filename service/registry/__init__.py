"""The model registry, which catalogues manifests, chooses models and verifies their files."""
