"""The training recipe of the language model: preparation of the base and the data, training, and export."""
