"""What files are made of: scalars, lengths of time, conditions, and the words they may use."""
