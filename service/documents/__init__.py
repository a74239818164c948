"""Document formats of articles: web page, schema.org JSON-LD, IPTC ninjs."""
