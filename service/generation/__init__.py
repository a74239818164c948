"""Text generation: from source sentences to hypotheses."""
