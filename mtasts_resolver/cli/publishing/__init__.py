"""What `mtasts-resolver publish` looks at, shows and writes."""
