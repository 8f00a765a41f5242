"""This host looked over: its Postfix and its daemon, as `doctor` tells of them."""
