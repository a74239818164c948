"""Download, convert, install, export and import models from the Hugging Face hub."""
