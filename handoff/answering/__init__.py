"""What sales says about a lead, and what follows from it."""
