"""What makes a page fit screens and paper: numbers to cite, regions that scroll, running heads.

On paper a section, or a few short ones, begins on a sheet of its own, and number and name stand at
the head of each of its sheets: by named pages, as no browser fills in the number of the sheet on
which a section begins (CSS's target-counter; Chromium 156 takes it and writes nothing).
"""

from __future__ import annotations

from bs4 import BeautifulSoup, Tag

TOGETHER = {  # sections that follow one another on paper, by the name of their sheets
    **dict.fromkeys(("decision", "summary"), "findings"),
    **dict.fromkeys(("methods", "limits"), "words"),
    **dict.fromkeys(("leaving", "glossary", "sources"), "ending"),
}
NARROW = 500  # pixels; a figure that is no wider needs no scrolling on a phone


def fit_page(page: str) -> str:
    """Return a page whose sections, tables and figures have numbers, and whatever is wide a region.

    A table that was cut keeps one number in all its parts. The title of the page and the date, the
    first <time> in its header, are handed to the style sheet, for every printed sheet, and so are
    the names of the sections.
    """
    soup = BeautifulSoup(page, "html.parser")
    _number_sections(soup)
    for number, table in enumerate(_list_tables(soup), 1):
        table["id"] = table.get("id", f"table-{number}")
        for part in table.find_all("table") or [table]:
            _number_table(soup, part, number)
    for number, figure in enumerate(soup.find_all("figure"), 1):
        _number_figure(soup, figure, number)
    when = soup.select_one("header time")
    heads = {"--title": soup.title, "--date": when}
    assert soup.html is not None
    soup.html["style"] = ";".join(
        f"{name}:{_quote(tag.get_text())}" for name, tag in heads.items() if tag
    )
    return str(soup)


def _number_sections(soup: BeautifulSoup) -> None:
    """Number sections and the lines of the contents, and name the sheets they are printed on."""
    sheets: dict[str, list[Tag]] = {}
    for number, section in enumerate(soup.select("main > section"), 1):
        mark = str(section.get("id", f"section-{number}"))
        section["id"] = mark
        sheets.setdefault(TOGETHER.get(mark, mark), []).append(section)
        of_contents = soup.select_one(f'nav a[href="#{mark}"]')
        of_fields = soup.select(f'.fields td:last-child a[href="#{mark}"]')
        for tag in filter(None, (section.h2, of_contents, *of_fields)):
            tag.insert(0, _make_number(soup, str(number), " "))
        for link in soup.select(f'.first a[href="#{mark}"]'):
            link.append(f" (section {number})")
    rules = []
    for number, sections in enumerate(sheets.values(), 1):
        names = [section.h2.get_text(" ", strip=True) for section in sections if section.h2]
        places = [f"#{section['id']}" for section in sections] + ["nav"] * (number == 1)
        rules.append(f"@page s{number} {{ @top-right {{ content: {_quote(' · '.join(names))} }} }}")
        rules.append(f"{', '.join(places)} {{ page: s{number} }}")
        rules.append(f"main > {places[0]} {{ border: 0; margin: 0; padding: 0 }}")
    if soup.style is not None and rules:
        soup.style.append("@media print {\n" + "\n".join(rules) + "\n}\n")


def _list_tables(soup: BeautifulSoup) -> list[Tag]:
    """List tables in the order of the page; of one that was cut, what holds its parts."""
    holders = [
        table.find_parent("div", class_="table") or table for table in soup.find_all("table")
    ]
    return list({id(holder): holder for holder in holders}.values())


def _number_table(soup: BeautifulSoup, table: Tag, number: int) -> None:
    if table.caption is None:
        table.insert(0, soup.new_tag("caption"))
    assert table.caption is not None
    words = f"Table {number}" + (", continued" if table.find_parent("details") else "")
    label = f"{words}. {table.caption.get_text(' ', strip=True)}".removesuffix(". ")
    table.caption.insert(0, _make_number(soup, words))
    region = table.find_parent("div", class_="scroll")
    if region is None:
        region = table.wrap(soup.new_tag("div", attrs={"class": "scroll"}))
    region.attrs |= {"tabindex": "0", "role": "region", "aria-label": label}


def _number_figure(soup: BeautifulSoup, figure: Tag, number: int) -> None:
    figure["id"] = figure.get("id", f"figure-{number}")
    if figure.figcaption is not None:
        figure.figcaption.insert(0, _make_number(soup, f"Figure {number}"))
    picture = figure.img or figure.svg
    width = str(picture.get("width", "")) if picture is not None else ""
    if picture is not None and width.isdigit() and int(width) > NARROW:
        label = f"Figure {number}, to be scrolled"
        region = {"class": "scroll wide", "tabindex": "0", "role": "region", "aria-label": label}
        picture.wrap(soup.new_tag("div", attrs=region))


def _make_number(soup: BeautifulSoup, words: str, end: str = ". ") -> Tag:
    number = soup.new_tag("span", attrs={"class": "number"})
    number.string = f"{words}{end}"
    return number


def _quote(text: str) -> str:
    """Return a text as a string of a style sheet, whatever is in it."""
    words = " ".join(text.split())
    return (
        '"' + "".join(c if c.isalnum() or c in " .,:-" else f"\\{ord(c):x} " for c in words) + '"'
    )
