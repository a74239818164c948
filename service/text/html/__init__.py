"""HTML and XML as blocks of text with inline markup."""
