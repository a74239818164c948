"""The model registry: the catalogue of manifests, the choice of a model and the verification of its files."""
