"""What carries mail away: SMTP, a Maildir, and the port both stand behind."""
