"""The report as one page of HTML, which needs nothing else: for a board, an auditor, and on paper.

`page.py` fills the template and forbids in its Content-Security-Policy all that it has not itself;
`charts.py` draws (matplotlib, of the extra `report`), `svg.py` makes what it drew fit for a page.
"""
