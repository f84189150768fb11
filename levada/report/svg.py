"""Elements of inline SVG: escaped text in, safe markup out, for the template to embed as it is."""

from __future__ import annotations

from markupsafe import Markup


def element(name: str, *children: str, **attributes: str | float) -> Markup:
    """`<name ...>children</name>`; `class_` stands for class and `_` in an attribute's name for `-`."""
    pairs = ((key.rstrip("_").replace("_", "-"), _attribute(value)) for key, value in attributes.items())
    inside = Markup("").join(Markup(' {}="{}"').format(key, value) for key, value in pairs)
    return Markup("<{0}{1}>{2}</{0}>").format(name, inside, Markup("").join(children))


def _attribute(value: str | float) -> str:
    return value if isinstance(value, str) else f"{round(value, 2):g}"


def text(content: str, x: str | float, y: float, class_: str = "", **attributes: str | float) -> Markup:
    """A line of text with its baseline at `y`."""
    style: dict[str, str | float] = {"class_": class_} if class_ else {}
    return element("text", content, x=x, y=y, **style, **attributes)


def path(line: str, class_: str) -> Markup:
    """A path."""
    return element("path", d=line, class_=class_)


def picture(
    key: str, title: str, description: str, *children: str, role: str = "img", **attributes: str | float
) -> Markup:
    """A whole picture, named and described for those who cannot see it; `key` is unique in the page.

    Its `role` is "group" where its parts can be reached one by one.
    """
    return element(
        "svg",
        element("title", title, id=f"{key}-title"),
        element("desc", description, id=f"{key}-desc"),
        *children,
        id=key,
        role=role,
        aria_labelledby=f"{key}-title {key}-desc",
        **attributes,
    )
