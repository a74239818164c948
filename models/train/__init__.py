"""The training recipe of the language model: preparation of the base model and the data, training, and export."""
