"""YAML and mails as text: a tree that knows where everything stands, and what is wrong with it."""
