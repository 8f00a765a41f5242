"""TLS with policy hosts and MX hosts: whom to trust, what arrives, what a certificate says."""
