"""Packages are built here, and tried on clean systems: `make test-packages`.

Apart from the other tests, for it takes many minutes, root, and the distribution's packages.
"""
