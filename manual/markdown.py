"""From Markdown to the nodes of docutils: the few kinds of which the project's pages are made.

A kind that is not known here raises an error, so that nothing is left out unseen.
"""

import textwrap
from collections.abc import Iterable, Iterator

from docutils import nodes
from markdown_it import MarkdownIt
from markdown_it.tree import SyntaxTreeNode

_EXAMPLE_WIDTH = 70  # of a terminal's 80 columns ten are left free
_TITLE = "h1"  # of the whole page: the manual page has its own


def read_sections(text: str) -> list[nodes.section]:
    """Return the sections that the headings of `text` begin; what stands before is the first."""
    root = SyntaxTreeNode(MarkdownIt("commonmark").enable("table").parse(text))
    place = _section(nodes.Text("Description"))
    sections = [place]
    for child in root.children:
        if child.type == "heading":
            if child.tag == _TITLE:
                continue
            place = _section(*_inline(child.children[0]))
            if child.tag == "h2":
                sections.append(place)
            else:
                sections[-1] += place
        else:
            place += list(_block(child))
    return [section for section in sections if len(section.children) > 1]


def _section(*title: nodes.Node) -> nodes.section:
    return nodes.section("", nodes.title("", "", *title))


def _block(node: SyntaxTreeNode) -> Iterator[nodes.Element]:
    match node.type:
        case "html_block":  # a comment
            return
        case "paragraph":
            yield nodes.paragraph("", "", *_inline(node.children[0]))
        case "bullet_list":
            yield from _list(node)
        case "fence" if node.info == "yaml":
            yield nodes.literal_block("", narrow(node.content.rstrip("\n")))
        case "code_block" | "fence":
            yield nodes.literal_block("", node.content.rstrip("\n"))
        case "table":
            yield _definitions(node)
        case _:
            raise NotImplementedError(node.type)


def narrow(yaml: str) -> str:
    """Return a file whose lines fit into the manual page: comments go where there is room."""
    return "\n".join(line for given in yaml.split("\n") for line in _narrow_line(given))


def _narrow_line(line: str) -> list[str]:
    code, mark, comment = line.partition("# ")
    code = code.rstrip()
    beside = f"{code}  # {comment}" if code and mark else line
    if len(beside) <= _EXAMPLE_WIDTH:
        return [beside]
    indent = " " * (len(line) - len(line.lstrip()))
    room = textwrap.TextWrapper(
        width=_EXAMPLE_WIDTH,
        initial_indent=f"{indent}# ",
        subsequent_indent=f"{indent}# ",
        break_long_words=False,
        break_on_hyphens=False,
    )
    above = room.wrap(comment)
    return [*above, code] if code else above


def _list(node: SyntaxTreeNode) -> Iterator[nodes.Element]:
    """Yield a list; one without empty lines has none in the manual page."""
    items = [nodes.list_item("", *_blocks(item)) for item in node.children]
    tight = all(block.hidden for item in node.children for block in item.children)
    if tight:
        yield nodes.raw("", ".sp\n.PD 0\n", format="manpage")
    yield nodes.bullet_list("", *items, bullet="*")
    if tight:
        yield nodes.raw("", ".PD\n", format="manpage")


def _blocks(node: SyntaxTreeNode) -> Iterator[nodes.Element]:
    for child in node.children:
        yield from _block(child)


def _definitions(table: SyntaxTreeNode) -> nodes.definition_list:
    """Return a table as terms and what they mean: the last column, and then those between."""
    head, body = table.children
    titles = [_text(cell) for cell in head.children[0].children]
    found = nodes.definition_list()
    for row in body.children:
        term, *between, meaning = row.children
        definition = nodes.definition("", nodes.paragraph("", "", *_inline(meaning.children[0])))
        if between:
            definition += nodes.paragraph("", "", *_told(zip(titles[1:-1], between, strict=True)))
        shown = nodes.term("", "", *_inline(term.children[0]))
        found += nodes.definition_list_item("", shown, definition)
    return found


def _told(cells: Iterable[tuple[str, SyntaxTreeNode]]) -> Iterator[nodes.Node]:
    for title, cell in cells:
        yield nodes.Text(f"{title.capitalize()}: ")
        yield from _inline(cell.children[0])
        yield nodes.Text(". ")


def _inline(node: SyntaxTreeNode) -> Iterator[nodes.Node]:
    for child in node.children:
        match child.type:
            case "text":
                yield nodes.Text(child.content)
            case "softbreak":
                yield nodes.Text(" ")
            case "code_inline":
                yield nodes.literal("", child.content)
            case "em":
                yield nodes.emphasis("", "", *_inline(child))
            case "strong":
                yield nodes.strong("", "", *_inline(child))
            case "link" if "://" in str(child.attrs["href"]):
                yield nodes.reference("", "", *_inline(child), refuri=str(child.attrs["href"]))
            case "link":  # to another page of docs/
                yield from _inline(child)
            case _:
                raise NotImplementedError(child.type)


def _text(cell: SyntaxTreeNode) -> str:
    return "".join(node.astext() for node in _inline(cell.children[0]))
