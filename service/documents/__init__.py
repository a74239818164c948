"""The document formats: HTML pages, schema.org JSON-LD, IPTC ninjs and NewsML-G2, and Word documents."""
