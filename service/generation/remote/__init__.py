"""The generator for models behind an OpenAI-compatible server."""
