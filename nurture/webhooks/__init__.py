"""Calls to other systems: signed, at checked addresses, tried again; and calls of theirs."""
