"""Articles in the shapes that newsrooms keep them in: a web page, schema.org's JSON-LD, IPTC's ninjs."""
