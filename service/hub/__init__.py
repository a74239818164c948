"""Download, conversion, installation, export and import of models from the Hugging Face hub."""
