"""Talking to MX hosts, as far as to STARTTLS. No mail is ever begun."""
