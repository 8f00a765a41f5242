"""`python -m manual`: write the manual pages anew."""

import datetime as dt

from manual.pages import manual_pages


def main() -> None:
    today = dt.datetime.now(tz=dt.UTC).date()
    for page in manual_pages():
        page.path.parent.mkdir(parents=True, exist_ok=True)
        page.path.write_text(page.current(today), encoding="utf-8")


main()
