"""Engines: a loaded model that turns source tokens into hypotheses."""
