"""HTML and XML documents as blocks of text with inline markup."""
