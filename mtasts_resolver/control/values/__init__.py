"""What the API says, as values. Times are RFC 3339 in UTC, spans of time are seconds."""
