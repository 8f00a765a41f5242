"""What Postfix's log says, line by line. It takes bytes and returns values: no file, no clock."""
