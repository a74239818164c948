"""What the image is built from, and how that is proved: locked requirements, the base, a build without an engine."""
