"""What was and what would be: reports over rows, pictures, what stories and simulations came to."""
