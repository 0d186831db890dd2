"""What leads do and are, as points; and the line they cross, once an episode."""
