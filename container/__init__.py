"""The locked requirements of the container image, and programs that update them and the digest of the base image."""
