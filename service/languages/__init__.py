"""Languages: one package per language, with the language code as its name; see `service.languages.base`."""
