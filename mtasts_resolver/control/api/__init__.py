"""The API of the control socket: one table of endpoints, from which all else is made."""
