"""What a domain publishes: looked over, and written."""
