"""What `report` shows a person, and the schema of what it gives a program."""
