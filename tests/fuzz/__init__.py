"""Fuzzing of what reads strangers' text: the targets, their kept inputs, and the command that looks for more."""
