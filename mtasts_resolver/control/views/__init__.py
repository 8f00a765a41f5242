"""From the parts of the daemon to values. Nothing here changes anything."""
