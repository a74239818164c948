"""Terms that a translation must contain: glossary terms, untranslated terms, addresses, numbers and dates."""
