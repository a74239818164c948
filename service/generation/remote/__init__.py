"""The generator for models that run on an OpenAI-compatible server."""
