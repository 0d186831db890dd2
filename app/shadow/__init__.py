"""A version of a sequence beside the one in force: on live engagements, with no effect.

It runs in a copy of the ledger (`nurture.ledger.copies`), made when it is applied (`beginning`) and
kept up by every tick with what happens to leads (`flows.shadow`).  The passes there are the same,
the mail goes nowhere, and nothing of it can reach the world, for the world is not in it.
"""
