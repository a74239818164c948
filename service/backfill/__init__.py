"""Processing of archives with one article per line. Checkpoints let a run resume where it stopped."""
