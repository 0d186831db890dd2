"""What is in force: versions kept in the ledger, and how an edit differs from them."""
