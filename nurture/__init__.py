"""Who hears what, when, and what is known of them; and the tables and definitions all rooms share.

    sequences, scoring, delivery, webhooks   the passes, side by side: they meet in rows
    language                                 YAML as frozen definitions, conditions as predicates
    calendar                                 business time
    ledger                                   every table, and what is asked and written of them

Each imports what stands below it, never what stands above.
"""
