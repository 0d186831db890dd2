"""Templates of marketers over fields of strangers: bounded, sandboxed, their text part made."""
