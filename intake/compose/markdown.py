"""Markdown to HTML with inline styles, and to plain text that reads well aloud. Only this module knows markdown-it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cached_property
from html import escape
from typing import TYPE_CHECKING

from markdown_it import MarkdownIt

from intake.compose import page

if TYPE_CHECKING:
    from collections.abc import Sequence

    from markdown_it.token import Token

REMEMBERED = 2000  # blocks; most of a letter is the same in every one
WIDTH = 72
_STYLES: dict[str, page.Style] = {
    "paragraph_open": page.PARAGRAPH,
    "bullet_list_open": page.LIST,
    "ordered_list_open": page.LIST,
    "list_item_open": page.ITEM,
    "heading_open": page.HEADING,
}
_FIXED = {
    "blockquote_open": page.frame_start(page.CALLOUT, below=16),
    "blockquote_close": page.FRAME_END,
    "softbreak": "\n",
    "hardbreak": "<br>\n",
    "hr": page.RULE,
}


@dataclass(frozen=True)
class Markdown:
    """Converts text of templates. Raw HTML and images are not understood: they stay visible text."""

    blocks: dict[str, tuple[str, str]] = field(default_factory=dict)

    def convert(self, source: str, code: str = "") -> tuple[str, str]:
        """``(html, text)`` of a Markdown text; blocks between empty lines are converted once and remembered.

        Also those that differ only in ``code``, the case's, of capital letters and digits: no other such code turns
        into other markup, and all have one width.
        """
        stands_for = _stand_in(source, code)
        htmls, texts = [], []
        for block in source.split("\n\n"):
            if not block.strip():
                continue
            html, text = self._items(block, stands_for) if _simple_list(block) else self._common(block, stands_for)
            htmls.append(html)
            texts.append(text)
        return "\n".join(htmls), "\n\n".join(texts)

    def _common(self, block: str, stands_for: tuple[str, str]) -> tuple[str, str]:
        """A block, by way of the one that holds the stand-in instead of the code."""
        stand_in, code = stands_for
        if not code or code not in block:
            return self._block(block)
        html, text = self._block(block.replace(code, stand_in))
        for before, after in ((stand_in, code), (_shown(stand_in), _shown(code))):  # in code spans it stands as written
            html, text = html.replace(before, after), text.replace(before, after)
        return html, text

    def _items(self, block: str, stands_for: tuple[str, str]) -> tuple[str, str]:
        """A list whose items are lines of their own: each is converted by itself, because few of them ever change."""
        pairs = [self._common(line, stands_for) for line in block.strip("\n").split("\n")]
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
        parser = MarkdownIt("commonmark", {"html": False})
        return parser.disable(["html_block", "html_inline", "image", "code", "reference"])


_CODE = re.compile(r"[A-Z0-9]+(?:-[A-Z0-9]+)+")


def _stand_in(source: str, code: str) -> tuple[str, str]:
    """What stands for a code as it is written in Markdown, and that; nothing where there is no code like others."""
    stand_in = re.sub("[A-Z0-9]", "X", code).replace("-", "\\-")
    unmistakable = _CODE.fullmatch(code) and stand_in not in source and _shown(stand_in) not in source
    return (stand_in, code.replace("-", "\\-")) if unmistakable else ("", "")


def _shown(code: str) -> str:
    return code.replace("\\", "")


def _simple_list(block: str) -> bool:
    return block.startswith("- ") and all(line.startswith("- ") for line in block.strip("\n").split("\n"))


def _html(tokens: Sequence[Token]) -> str:
    return "".join(_html(token.children or ()) if token.type == "inline" else _element(token) for token in tokens)


def _element(token: Token) -> str:
    """One token as HTML. Paragraphs of tight lists are hidden, and so are their tags."""
    if token.hidden:
        return ""
    if token.type in _FIXED:
        return _FIXED[token.type]
    if token.type == "link_open":
        return f'<a href="{escape(str(token.attrs.get("href", "")))}"{page.attributes(page.LINK)}>'
    if token.type == "code_inline":
        return f"<code{page.attributes(page.CODE)}>{escape(token.content)}</code>"
    if token.nesting:
        return (
            f"<{token.tag}{page.attributes(_STYLES.get(token.type, ''))}>" if token.nesting > 0 else f"</{token.tag}>"
        )
    return escape(token.content)


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
