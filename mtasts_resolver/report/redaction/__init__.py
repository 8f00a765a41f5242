"""A report that can be given away: what names a person, or a domain, is a pseudonym.

A pseudonym is the beginning of an HMAC-SHA-256: who has not its key cannot find out whose it is by
trying, and the same key makes the same pseudonyms, so that reports of several months can be
compared.

    walk.py        every text of the report, so that no field can be forgotten
    texts.py       what is hidden within a text
    paths.py       what is hidden of a path
    pseudonyms.py  what stands in its place
    keys.py        the key: from a file, or of this report alone
"""
