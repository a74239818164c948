"""Models from the Hugging Face hub: download, conversion, installation, export and import."""
