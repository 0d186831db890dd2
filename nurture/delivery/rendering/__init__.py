"""Templates of marketers over fields of strangers: bounded, sandboxed, their fields found."""
