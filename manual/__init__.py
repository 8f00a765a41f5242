"""The manual pages, made from the pages of the commands and of the configuration: `make docs`.

Those are Markdown, read by markdown-it, and docutils writes them as man(7). Neither is needed to
run the program: the manual pages are kept in share/man, from where pip installs them.
"""
