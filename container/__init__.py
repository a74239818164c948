"""Maintenance of the image's inputs: locked requirements and the digest of the base image."""
