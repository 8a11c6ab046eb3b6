"""Walks the nodes of a YAML file, which know their lines, unlike the values they stand for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from include.alerts.errors import RoutingError

_T = TypeVar("_T")


class YamlLines:
    """One file; every complaint about it names the line.

    Parameters
    ----------
    path
        The file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def root(self) -> Node:
        """The whole file.

        Raises
        ------
        RoutingError
            It cannot be read, is no YAML, or is empty.
        """
        try:
            text = self.path.read_text(encoding="utf-8")
            root = yaml.compose(text, Loader=yaml.SafeLoader)
        except (OSError, UnicodeDecodeError) as error:
            raise RoutingError(self.path, 1, f"expected a readable UTF-8 file, got: {error}") from error
        except yaml.MarkedYAMLError as error:
            line = error.problem_mark.line + 1 if error.problem_mark else 1
            problem = f"expected YAML, got: {error.problem}; correct the syntax"
            raise RoutingError(self.path, line, problem) from error
        except yaml.YAMLError as error:  # a character YAML does not allow has no mark
            problem = f"expected YAML, got: {' '.join(str(error).split())}; save it as plain text"
            raise RoutingError(self.path, 1, problem) from error
        except RecursionError as error:
            raise RoutingError(
                self.path, 1, "expected YAML of a few levels, got too many; correct it"
            ) from error
        if root is None:
            raise RoutingError(self.path, 1, "expected the keys groups and rules, got an empty file")
        return root

    def sequence(self, node: Node, what: str = "a list") -> list[Node]:
        """Entries of a list that has some."""
        if not isinstance(node, SequenceNode) or not node.value:
            raise self.error(node, f"expected {what} with at least one entry, in [brackets] or as - lines")
        return list(node.value)

    def items(self, node: Node, read: Callable[[Node], _T]) -> list[_T]:
        """Values of a list."""
        return [read(item) for item in self.sequence(node)]

    def one_of(self, node: Node, allowed: tuple[str, ...]) -> str:
        """A value out of those allowed."""
        value = self.text(node)
        if value not in allowed:
            raise self.error(node, f'expected one of {", ".join(allowed)}; got "{value}"')
        return value

    def number(self, node: Node, what: str, at_least: float, example: str) -> float:
        """A finite number."""
        try:
            value = float(self.text(node))
        except ValueError:
            value = float("nan")
        if not (at_least <= value < float("inf")):
            raise self.error(
                node,
                f'expected {what} of at least {at_least:g}, for example {example}, got "{self.text(node)}"',
            )
        return value

    def text(self, node: Node) -> str:
        """A single value."""
        if not isinstance(node, ScalarNode) or not node.value.strip():
            raise self.error(node, "expected a single value, got a list, a mapping or nothing")
        return str(node.value)

    def mapping(
        self, node: Node, required: tuple[str, ...] = (), optional: tuple[str, ...] = ()
    ) -> dict[str, Node]:
        """Values by key; any key if none is named."""
        if not isinstance(node, MappingNode):
            raise self.error(
                node, f"expected keys ({', '.join((*required, *optional)) or 'names'}) with values"
            )
        found: dict[str, Node] = {}
        for key_node, value in node.value:
            key = self.text(key_node)
            if key in found:
                raise self.error(key_node, f'the key "{key}" stands here twice; drop one')
            if (required or optional) and key not in (*required, *optional):
                raise self.error(
                    key_node, f'expected one of the keys {", ".join((*required, *optional))}; got "{key}"'
                )
            found[key] = value
        missing = [key for key in required if key not in found]
        if missing:
            raise self.error(node, f"expected the key {' and '.join(missing)}, which is missing; add it")
        return found

    def error(self, node: Node, problem: str) -> RoutingError:
        """The complaint about a node, to be raised."""
        return RoutingError(self.path, node.start_mark.line + 1, problem)
