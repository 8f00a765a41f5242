"""What `migrate` reads, writes and shows, beside what the room `migration` makes of it."""
