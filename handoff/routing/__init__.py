"""Which team and which rep a lead goes to, and why not to the others."""
