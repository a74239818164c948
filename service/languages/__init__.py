"""Language packages, each of which contains the rules and word lists of one language."""
