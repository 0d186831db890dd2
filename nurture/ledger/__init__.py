"""What is known of leads, as rows: every table, and what all rooms ask and write of them.

    copies, imports   ledgers beside this one; files of leads and engagements
    intake            leads and engagements come in, each once
    access            tokens, sign-in links, sessions
    statements        what passes write statements with
    tables            every table; `migrations` brings a database up to them

Each may import those below it.  Beside them: the engine, the schema, the timeline, and single
questions that several rooms ask (`ticks`, `worth`, `openings`, `localtime`).
"""
