"""Recall and false alarms of the trust checks: planted errors that they find, good outputs that they flag."""
