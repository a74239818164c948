"""Training of the line model, which finds the article in a pasted page."""
