"""What is to be seen at `http.address`. Nothing here changes anything."""
