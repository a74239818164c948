"""The speed, size and memory of models of the default production models' full size, with random weights."""
