"""The registry of models: the catalogue of manifests, the choice of a model at start, the check of its files."""
