"""An archive of articles, line by line through the service's own pipeline, with checkpoint and resume."""
