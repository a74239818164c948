"""What has to stand in a translation: glossary terms, what is not translated, addresses, numbers and dates."""
