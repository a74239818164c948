"""Who may call, how often, and how much: what is decided before a request is read."""
