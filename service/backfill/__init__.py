"""Batch processing of article archives. A run that was stopped can be resumed."""
