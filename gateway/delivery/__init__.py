"""SMTP out: routes, sessions and their pool, the ladder, the retry schedule."""
