"""Conditions and a lead's values as SQL, the same on SQLite and PostgreSQL."""
