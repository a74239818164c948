"""Document formats of articles: web page, schema.org JSON-LD and IPTC ninjs."""
