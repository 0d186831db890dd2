"""Ledgers beside the ledger: copies for shadows and rehearsals, and how they hear what happens."""
