"""Languages: one package per language, found by its code; see `service.languages.base`."""
