"""What is where, as people in sales see it: boards, inboxes, briefs."""
