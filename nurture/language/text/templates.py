"""Mails as files: YAML front matter between two `---` lines, then a Jinja2 body.

---
subject: Your first plan, {{ lead.first_name }}
topic: product-tips
---
<p>…</p>
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from jinja2 import Environment, TemplateSyntaxError, nodes

from nurture.language.text.source import parse
from nurture.language.text.tree import Fault, Listing, Node, Scalar, Table

FRONT_KEYS = ("subject", "preheader", "topic")
# Parses only, nothing is rendered here; the markers and their whitespace are the sender's.
_SYNTAX = Environment(autoescape=True)
CHAT_FILE = ".chat.txt"
"""What the files of notices in their form for channels end in."""
FENCE = re.compile(r"---[ \t]*")


@dataclass(frozen=True)
class Variable:
    """A value a template reads: `lead.first_name`, and where (column of its first letter)."""

    name: str
    line: int
    column: int


@dataclass(frozen=True)
class Page:
    """A template file taken apart; `first_line` is the line of the file its body starts in.

    Without `front_read` it has front matter that could not be read.
    """

    front: Table
    body: str
    first_line: int
    front_read: bool = True

    def front_text(self, key: str) -> str:
        """A text of the front matter, '' when it is not there."""
        node = self.front.get(key)
        return str(node.value) if isinstance(node, Scalar) and node.value is not None else ""


def take_apart(text: str) -> tuple[Page, list[Fault]]:
    """Split front matter and body; faults of the front matter stand at lines of the file."""
    lines = text.replace("\r\n", "\n").split("\n")
    nothing = Table(1, 1)
    if not FENCE.fullmatch(lines[0]):
        return Page(nothing, "\n".join(lines), 1), []
    end = next((n for n, line in enumerate(lines[1:], 1) if FENCE.fullmatch(line)), None)
    if end is None:
        message = "the front matter is not closed; end it with a line of three dashes"
        return Page(nothing, "", len(lines), False), [Fault("front-matter", message, 1, 1)]
    # An empty line stands for the fence, so that lines count as in the file.
    node, faults = parse("\n".join(["", *lines[1:end]]))
    body = "\n".join(lines[end + 1 :])
    if node is not None and not isinstance(node, Table):
        message = "the front matter is no mapping; write subject: …"
        faults = [*faults, Fault("front-matter", message, node.line, node.column)]
    front = node if isinstance(node, Table) else nothing
    return Page(front, body, end + 2, not faults), faults


@lru_cache(maxsize=1_000)
def read_variables(source: str) -> tuple[tuple[Variable, ...], Fault | None]:
    """Everything a Jinja2 source reads from outside, in order, or the fault that stops it.

    Read once a process: a check asks for the same text several times, and the next apply again.

    Names the template sets itself (`set`, `for`, macros, imports) are not listed.
    """
    try:
        tree = _SYNTAX.parse(source)
    except TemplateSyntaxError as error:
        return (), Fault("template-syntax", str(error.message), error.lineno or 1, 1)
    except RecursionError:
        return (), Fault("template-syntax", "nested too deeply to be read", 1, 1)
    except ValueError:
        return (), Fault("template-syntax", "a number has too many digits to be read", 1, 1)
    try:
        own = _own_names(tree)
        used = [use for use in _uses(tree) if use[0].partition(".")[0] not in own]
    except RecursionError:
        return (), Fault("template-syntax", "nested too deeply to be read", 1, 1)
    lines = source.split("\n")
    return tuple(Variable(name, line, _column(lines, name, line)) for name, line in used), None


def _own_names(tree: nodes.Template) -> set[str]:
    own = {name.name for name in tree.find_all(nodes.Name) if name.ctx != "load"}
    own |= {macro.name for macro in tree.find_all(nodes.Macro)}
    own |= {found.target for found in tree.find_all(nodes.Import)}
    for found in tree.find_all(nodes.FromImport):
        own |= {name if isinstance(name, str) else name[1] for name in found.names}
    return own | {"loop", "range", "namespace", "self", "super", "caller", "varargs", "kwargs"}


def _uses(node: nodes.Node) -> Iterator[tuple[str, int]]:
    """Dotted paths that are read, the longest first for each."""
    path = _path(node)
    if path:
        yield path, node.lineno
        return
    for child in node.iter_child_nodes():
        yield from _uses(child)


def _path(node: nodes.Node) -> str:
    """`lead.first_name` for an attribute or item chain on a name, '' for anything else."""
    if isinstance(node, nodes.Name):
        return node.name if node.ctx == "load" else ""
    if isinstance(node, nodes.Getattr):
        before = _path(node.node)
        return f"{before}.{node.attr}" if before else ""
    if isinstance(node, nodes.Getitem) and isinstance(node.arg, nodes.Const):
        before = _path(node.node)
        return f"{before}.{node.arg.value}" if before else ""
    return ""


def _column(lines: list[str], name: str, line: int) -> int:
    """Where the name is written; a multi-line expression is looked for in its first line."""
    text = lines[line - 1] if line <= len(lines) else ""
    root, _, rest = name.partition(".")
    # Spelled with a dot or with brackets; in between Jinja2 allows blanks.
    found = re.search(rf"\b{re.escape(root)}\b[\s.\[\"']*{re.escape(rest)}", text)
    return found.start() + 1 if found else 1


def texts_in(node: Node) -> Iterator[Scalar]:
    """Every text below a node, in written order."""
    if isinstance(node, Table):
        for entry in node.entries.values():
            yield from texts_in(entry.node)
    elif isinstance(node, Listing):
        for item in node.items:
            yield from texts_in(item)
    elif isinstance(node.value, str):
        yield node
