"""SMTP in: listeners, sessions on our aiosmtpd subclass, AUTH, limits. Hands a complete message to `submit`."""
