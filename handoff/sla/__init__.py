"""The clocks of a handoff: started, met, paused, late, judged anew by corrected calendars."""
