"""The comparison of two models or methods on a newsroom's own articles, for the command ``depesche evaluate``."""
