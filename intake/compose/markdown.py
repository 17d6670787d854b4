"""Markdown to HTML with inline styles, and to plain text that reads well aloud. Only this module knows markdown-it."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from html import escape
from typing import TYPE_CHECKING

from intake.compose import page

if TYPE_CHECKING:
    from collections.abc import Sequence

    from markdown_it import MarkdownIt
    from markdown_it.token import Token

REMEMBERED = 2000  # blocks; most of a letter is the same in every one
WIDTH = 72
_OPEN: dict[str, tuple[str, page.Style | str]] = {
    "paragraph_open": ("p", page.PARAGRAPH),
    "bullet_list_open": ("ul", page.LIST),
    "ordered_list_open": ("ol", page.LIST),
    "list_item_open": ("li", page.ITEM),
    "blockquote_open": ("div", page.CALLOUT),
    "strong_open": ("strong", ""),
    "em_open": ("em", ""),
}


@dataclass(frozen=True)
class Markdown:
    """Converts text of templates. Raw HTML and images are not understood: they stay visible text."""

    blocks: dict[str, tuple[str, str]] = field(default_factory=dict)

    def convert(self, source: str) -> tuple[str, str]:
        """``(html, text)`` of a Markdown text; blocks between empty lines are converted once and remembered."""
        htmls, texts = [], []
        for block in source.split("\n\n"):
            if not block.strip():
                continue
            html, text = self._items(block) if _simple_list(block) else self._block(block)
            htmls.append(html)
            texts.append(text)
        return "\n".join(htmls), "\n\n".join(texts)

    def _items(self, block: str) -> tuple[str, str]:
        """A list whose items are lines of their own: each is converted by itself, because few of them ever change."""
        pairs = [self._block(line) for line in block.strip("\n").split("\n")]
        opening, closing = f"<ul{page.attributes(page.LIST)}>", "</ul>"
        inner = "".join(html.removeprefix(opening).removesuffix(closing) for html, _ in pairs)
        return f"{opening}{inner}{closing}", "\n".join(text for _, text in pairs)

    def _block(self, block: str) -> tuple[str, str]:
        pair = self.blocks.get(block)
        if pair is None:
            if len(self.blocks) >= REMEMBERED:
                self.blocks.clear()
            tokens = self._parser.parse(block)
            pair = self.blocks[block] = (_html(tokens), _text(tokens))
        return pair

    @cached_property
    def _parser(self) -> MarkdownIt:
        from markdown_it import MarkdownIt  # noqa: PLC0415 - a pass without news converts nothing

        parser = MarkdownIt("commonmark", {"html": False})
        return parser.disable(["html_block", "html_inline", "image", "code", "reference"])


def _simple_list(block: str) -> bool:
    return block.startswith("- ") and all(line.startswith("- ") for line in block.strip("\n").split("\n"))


def _html(tokens: Sequence[Token]) -> str:
    out: list[str] = []
    for token in tokens:
        if token.type == "inline":
            out.append(_html(token.children or ()))
        elif token.type == "heading_open":
            out.append(f"<{token.tag}{page.attributes(page.HEADING)}>")
        elif token.type == "link_open":
            out.append(f'<a href="{escape(str(token.attrs.get("href", "")))}"{page.attributes(page.LINK)}>')
        elif token.type in _OPEN:
            tag, style = _OPEN[token.type]
            out.append(f"<{tag}{page.attributes(style)}>" if not token.hidden else "")
        elif token.nesting < 0:
            tag = "div" if token.type == "blockquote_close" else token.tag
            out.append("" if token.hidden else f"</{tag}>")
        elif token.type in {"softbreak", "hardbreak"}:
            out.append("<br>\n" if token.type == "hardbreak" else "\n")
        elif token.type == "code_inline":
            out.append(f"<code{page.attributes(page.CODE)}>{escape(token.content)}</code>")
        elif token.type == "hr":
            out.append(page.RULE)
        else:
            out.append(escape(token.content))
    return "".join(out)


def _text(tokens: Sequence[Token]) -> str:
    """Paragraphs as they are, items after a dash or number; no asterisks and no underlining: they are read aloud."""
    lines: list[str] = []
    numbers: list[int] = []  # of the lists that are open; 0 for bullets
    mark = ""
    for token in tokens:
        if token.type == "bullet_list_open":
            numbers.append(0)
        elif token.type == "ordered_list_open":
            numbers.append(int(token.attrs.get("start", 1)))
        elif token.type in {"bullet_list_close", "ordered_list_close"}:
            numbers.pop()
        elif token.type == "list_item_open":
            mark = f"{numbers[-1]}. " if numbers[-1] else "- "
            numbers[-1] += 1 if numbers[-1] else 0
        elif token.type == "inline":
            depth = max(0, len(numbers) - 1) * 2
            lines.append(flow(_plain(token.children or ()), first=" " * depth + mark, rest=" " * (depth + len(mark))))
            mark = "" if not mark else " " * len(mark)
        elif token.type == "list_item_close":
            mark = ""
        elif token.type in {"fence", "code_block"}:
            lines.append(token.content.rstrip())
    return "\n".join(lines)


def _plain(tokens: Sequence[Token]) -> str:
    out: list[str] = []
    target, start = "", 0
    for token in tokens:
        if token.type == "link_open":
            target, start = str(token.attrs.get("href", "")), len(out)
        elif token.type == "link_close":
            shown = target.removeprefix("mailto:")
            out.append("" if shown in "".join(out[start:]) else f" ({shown})")
        elif token.type in {"softbreak", "hardbreak"}:
            out.append(" " if token.type == "softbreak" else "\n")
        else:
            out.append(token.content)
    return "".join(out)


def flow(text: str, first: str = "", rest: str = "") -> str:
    """``text`` in lines of 72, each but the last ending in a space (format=flowed, RFC 3676): it fits any width."""
    return "\n".join(_flow(line, first if not number else rest, rest) for number, line in enumerate(text.split("\n")))


def _flow(text: str, first: str, rest: str) -> str:
    lines, line = [], first
    for word in text.split(" "):
        if len(line) + len(word) > WIDTH and line not in {first, rest}:
            lines.append(line)
            line = rest
        line += f"{word} "
    lines.append(line[:-1])
    return "\n".join(lines)
