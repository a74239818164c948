"""Application layer: the use cases of the service and the models that serve them."""
