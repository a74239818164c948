"""The document formats in which articles can be submitted: HTML pages, schema.org JSON-LD and IPTC ninjs."""
