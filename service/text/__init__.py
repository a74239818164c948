"""Text: normalisation, segmentation into sentences, assembly of outputs, language identification and alignment."""
