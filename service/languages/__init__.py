"""One package for each language, named after the language code; see `service.languages.base`."""
