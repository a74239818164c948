"""The model store: pull a model from the Hugging Face hub, convert it, install it, export and import it."""
