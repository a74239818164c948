"""Text generation, which produces hypotheses (candidate outputs) for source texts."""
