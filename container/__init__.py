"""The locked requirements of the image, with tools that update them and the digest of the base image."""
