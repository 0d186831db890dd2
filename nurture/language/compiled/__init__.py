"""What was written as a tick works with it: flat programs, and pictures of them."""
