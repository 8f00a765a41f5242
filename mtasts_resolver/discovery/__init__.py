"""Finding out what a domain publishes: DNS and HTTPS, and every way in which they fail."""
