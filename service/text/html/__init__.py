"""Parsing of HTML and XML into blocks of text with inline markup, and rendering of the translated document."""
