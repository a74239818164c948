"""Cleaning of a pasted web page: detection of the headline and the lead, and removal of boilerplate."""
