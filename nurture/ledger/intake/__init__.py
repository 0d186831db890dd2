"""How leads and engagements come in: read, checked, found, put, each once."""
