"""Languages: a folder each."""
