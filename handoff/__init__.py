"""Who in sales acts, by when, and what they answered.

    crm         the CRM beside the ledger: pushed to, and heard
    escalation  a clock runs out, or a rep is gone: remind, tell, give, recycle
    answering   accept, reject, touch, give, recycle, outcome; and what starts then
    telling     notices by mail and channel, and the managers' digest
    desk        what is where: the board, inboxes, briefs
    routing     an episode becomes a handoff: which team, which rep, and why
    sla         deadlines in business time: started, met, paused, late

Each may import those below it.  What they share lies beside them: the room's tables and the
words for its states, definitions as rows to join, the record of who answered, the admin's alarms.
`waiting` asks for a tick which of the passes have work.
"""
