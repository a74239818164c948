"""Programs that measure: speed of the engines, quality of the models."""
