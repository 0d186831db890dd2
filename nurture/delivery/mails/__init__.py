"""One mail: its words, its links, its bytes."""
