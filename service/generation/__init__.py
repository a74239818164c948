"""Text generation, which turns source sentences into hypotheses."""
