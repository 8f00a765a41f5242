"""The image of contrib/container/ built and run, and its examples played with a real Postfix.

engine.py    podman, in a root of its own
images.py    what is built
outside.py   the lab's internet, as containers see it
together.py  the examples: containers that podman-compose starts, and a Pod
"""
