"""What other senders report of TLS to us (RFC 8460), and not always as the RFC has it."""
