"""What passes write statements with: upserts, working sets, given rows, questions, locks."""
