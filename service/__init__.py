"""Depesche: German article text in, a German summary and an English translation out."""

__version__ = "0.2.0"
