"""Leads through the stages of their sequences: let in, moved step by step, let go; always a set."""
