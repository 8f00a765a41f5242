"""What makes what is released: packages, and the roots in which they are built and tried.

Nothing here is needed to run the program, and nothing of it is in a wheel.
"""
