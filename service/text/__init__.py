"""Text processing: normalisation, sentence segmentation, language identification, word alignment and HTML."""
