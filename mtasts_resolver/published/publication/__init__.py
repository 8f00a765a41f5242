"""What is to be published for a domain, in which order, and whether it is out there: values alone.

The way of it: `find_way` looks at what was observed (`standing.py`), decides which mx patterns and
which policy are wanted (`wanted.py`), and returns the steps (`way.py`, `steps.py`) of which one is
next. `find_differences` compares; `write_files` has what is handed on.
"""

from mtasts_resolver.published.publication.advice import advice, foreseen, pressing
from mtasts_resolver.published.publication.comparing import (
    PublicationDifference,
    find_differences,
)
from mtasts_resolver.published.publication.files import FILES, read_files, write_files
from mtasts_resolver.published.publication.policyfile import WELL_KNOWN, PublicationError
from mtasts_resolver.published.publication.standing import Stage, Standing
from mtasts_resolver.published.publication.steps import Part, PublishingStep
from mtasts_resolver.published.publication.tlsrpt import report_uris
from mtasts_resolver.published.publication.wanted import Patterns, Publication, Wishes
from mtasts_resolver.published.publication.way import Way, find_way
from mtasts_resolver.published.publication.webservers import WEB_SERVERS, PolicySite

__all__ = [
    "FILES",
    "WEB_SERVERS",
    "WELL_KNOWN",
    "Part",
    "Patterns",
    "PolicySite",
    "Publication",
    "PublicationDifference",
    "PublicationError",
    "PublishingStep",
    "Stage",
    "Standing",
    "Way",
    "Wishes",
    "advice",
    "find_differences",
    "find_way",
    "foreseen",
    "pressing",
    "read_files",
    "report_uris",
    "write_files",
]
