"""HTML as text with inline markup."""
