"""Inputs of the image: locked requirements and the digest of the base image."""
