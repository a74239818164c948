"""The recipe of the embedded models: data, vocabulary, training, evaluation, export."""
