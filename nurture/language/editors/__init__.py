"""What editors are told of the YAML: its schema, and a line for every key."""
