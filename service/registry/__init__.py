"""The model registry: the catalogue of manifests, the choice of a model at start, the verification of its files."""
