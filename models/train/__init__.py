"""The training recipe of the language model: base, data, training, export."""
