# mtasts-resolver(8) says itself how a line goes on
mtasts-resolver completion fish 2>/dev/null | source
