"""What `check` is asked, how it goes about it, and how the outcome is shown."""
