"""Who in sales acts, by when, and what they answered.

    people      reps and members as rows
    opening     an episode becomes a handoff: which team, and why
    assignment  a queued handoff goes to the next rep in turn
    clocks      deadlines in business time: started, met, stopped, lapsed
    ladder      what happens as a clock runs out: remind, tell, give, recycle
    answers     accept, reject, touch, give, recycle, outcome
    notices     the mails that tell reps and managers
    board       what is where, for commands and pages
"""
