"""Who gets in: credentials, API tokens, sign-in links and sessions, and requests answered once."""
