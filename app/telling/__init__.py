"""The ways to tell people in sales, and the words of it."""
