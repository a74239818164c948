"""A soak: one process of the service under mixed load for many minutes, its memory sampled and plotted."""
