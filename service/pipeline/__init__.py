"""The way of a text from request to result: the only place where the rooms below meet."""
