"""A version of a sequence beside the one in force: on live engagements, with no effect.

It runs in a copy of the ledger (`place`), made when it is applied (`beginning`) and kept up with
what happens to leads by every tick (`beside`).  The passes there are the same, the mail goes
nowhere, and nothing of it can reach the world, for the world is not in it.
"""
