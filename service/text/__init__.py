"""Article text: normalisation, language identification, segmentation, HTML and word alignment."""
