"""What belongs into a summary: which sentences, how many, and in which groups they are rewritten."""
