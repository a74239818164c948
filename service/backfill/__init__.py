"""Archives: one article per line through the newsroom, with checkpoints and resume."""
