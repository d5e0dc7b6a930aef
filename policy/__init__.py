"""What the mail is and what may happen to it: facts in, decisions out; no I/O, no clock, no SMTP codes."""
