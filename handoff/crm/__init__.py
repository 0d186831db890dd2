"""The CRM beside the ledger: what it is told of leads, and what it says came of them."""
