"""Cache: what was translated or summarised once is not done again, and identical work in flight is done once."""
