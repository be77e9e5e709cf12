"""Sign-in: passwords, rate limits, known browsers, sessions."""
