"""The locked requirements of the image and the tools that update them and the digest of the base image."""
