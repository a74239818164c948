"""Text processing: normalisation, sentence segmentation, language identification, alignment and HTML."""
