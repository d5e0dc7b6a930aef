"""What mail is and what may happen to it: facts in, decision out; no I/O, clock or SMTP codes."""
