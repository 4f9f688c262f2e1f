"""What the source of a user's function says: the names of its requests, and what will surprise its author.

Nothing is executed. What is not read, since it is made at run time or in another file, is left out.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from loadcore.plan.names import default_name
from loadcore.scenario.step import INSTEAD, misplaced

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

_VERBS: Final = ("get", "head", "options", "post", "put", "patch", "delete")
VERBS: Final = {**dict.fromkeys(_VERBS, 0), "request": 1, "stream": 1}
"""The calls of a client that send a request, each with the place of the URL among its arguments."""
_AWAITED: Final = {*_VERBS, "request", "gather", "think", "sleep"}
_BLOCKING: Final = {
    "time.sleep": 'await c.sleep("1s")',
    **dict.fromkeys(("requests", "httpx", "urllib.request.urlopen"), 'await c.get("/path")'),
}


@dataclass(frozen=True, slots=True)
class Reading:
    """What was read.

    Attributes:
        calls: The names of the requests, in the order in which they are written.
        wrong: What cannot work, with its line.
        doubtful: What works, and will surprise, with its line.
    """

    calls: list[str] = field(default_factory=list)
    wrong: list[tuple[int, str]] = field(default_factory=list)
    doubtful: list[tuple[int, str]] = field(default_factory=list)


def read(function: Callable[..., Any]) -> Reading:
    """Reads a function of a user's, and the functions of its file that it hands its client to."""
    reading = Reading()
    if (found := _parsed(function)) is not None:
        node, first_line, owner = found
        arguments = [argument.arg for argument in node.args.args]
        names = getattr(inspect.unwrap(function), "__globals__", {})
        _Reader(reading, names, owner).visit(node, {*arguments[:1]}, first_line)
    return reading


def _parsed(function: Callable[..., Any]) -> tuple[ast.AsyncFunctionDef | ast.FunctionDef, int, object] | None:
    try:
        lines, first_line = inspect.getsourcelines(inspect.unwrap(function))
        (node,) = ast.parse(textwrap.dedent("".join(lines))).body
    except (OSError, TypeError, SyntaxError, ValueError):
        return None
    if not isinstance(node, ast.AsyncFunctionDef | ast.FunctionDef):
        return None
    return node, max(first_line, 1), function


class _Reader:
    def __init__(self, reading: Reading, names: Mapping[str, Any], function: object) -> None:
        self._reading = reading
        self._names = names
        self._seen = {inspect.unwrap(function) if callable(function) else function}

    def visit(self, node: ast.AST, clients: set[str], first_line: int) -> None:
        """Reads a function whose client is called by one of these names."""
        dropped = {id(each.value) for each in ast.walk(node) if isinstance(each, ast.Expr)}
        for each in _in_order(node):
            if isinstance(each, ast.Call):
                line = first_line + each.lineno - 1
                self._call(each, clients, line, is_dropped=id(each) in dropped)
                self._follow(each, clients)

    def _call(self, call: ast.Call, clients: set[str], line: int, *, is_dropped: bool) -> None:
        match call.func:
            case ast.Attribute(value=owner, attr=attr) if _is_client(owner, clients):
                if attr in VERBS:
                    self._request(call, attr, line)
                if attr in _AWAITED and is_dropped:
                    message = f"c.{attr}(…) is not awaited, and does nothing: write await c.{attr}(…)"
                    self._reading.doubtful.append((line, message))
            case ast.Name(id=name) if name in INSTEAD and self._is_declaration(name):
                self._reading.wrong.append((line, misplaced(name)))
            case ast.Attribute(value=ast.Name(id=module), attr=name) if name in INSTEAD and self._is_loadcore(module):
                self._reading.wrong.append((line, misplaced(name)))
            case func:
                self._blocking(func, line)

    def _is_declaration(self, name: str) -> bool:
        """Whether the name is loadcore's in that file, and not one of the user's own."""
        found = self._names.get(name)
        return getattr(found, "__module__", "").startswith("loadcore.scenario.")

    def _is_loadcore(self, module: str) -> bool:
        return getattr(self._names.get(module), "__name__", "") == "loadcore"

    def _request(self, call: ast.Call, verb: str, line: int) -> None:
        named = next((each.value for each in call.keywords if each.arg == "name"), None)
        at = VERBS[verb]
        if named is not None:
            if isinstance(named, ast.Constant):
                self._add(str(named.value))
            return
        if len(call.args) <= at:
            return
        method = verb.upper()
        if at:
            if not isinstance(call.args[0], ast.Constant):
                return
            method = str(call.args[0].value)
        match call.args[at]:
            case ast.Constant(value=str(url)):
                self._add(default_name(method, url))
            case ast.JoinedStr() as written if any(isinstance(each, ast.FormattedValue) for each in written.values):
                template, values = _template(written)
                method_argument = f'"{method}", ' if at else ""
                instead = f'c.{verb}({method_argument}"{template}", {", ".join(values)})'
                self._add(default_name(method, template))
                message = f"an f-string as URL makes a name of every value: write {instead}"
                self._reading.doubtful.append((line, message))

    def _add(self, name: str) -> None:
        if name not in self._reading.calls:
            self._reading.calls.append(name)

    def _blocking(self, func: ast.expr, line: int) -> None:
        called = ast.unparse(func) if isinstance(func, ast.Attribute | ast.Name) else ""
        root = called.partition(".")[0]
        for blocking, instead in _BLOCKING.items():
            is_it = called == blocking or (blocking == root and called.count(".") == 1 and "Async" not in called)
            if is_it and inspect.ismodule(self._names.get(root)):
                message = f"{called}(…) stops all users of its worker: write {instead}"
                self._reading.doubtful.append((line, message))

    def _follow(self, call: ast.Call, clients: set[str]) -> None:
        """Reads a function of the file that is handed the client."""
        if not isinstance(call.func, ast.Name):
            return
        function = inspect.unwrap(self._names.get(call.func.id) or (lambda: None))
        handed = [index for index, each in enumerate(call.args) if _is_client(each, clients)]
        if not handed or function in self._seen or not inspect.isfunction(function):
            return
        self._seen.add(function)
        if (found := _parsed(function)) is not None:
            node, first_line, _ = found
            arguments = [argument.arg for argument in node.args.args]
            self.visit(node, {arguments[index] for index in handed if index < len(arguments)}, first_line)


def _in_order(node: ast.AST) -> Iterator[ast.AST]:
    """All nodes, in the order in which they are written."""
    for child in ast.iter_child_nodes(node):
        yield child
        yield from _in_order(child)


def _is_client(node: ast.expr, clients: set[str]) -> bool:
    """Whether it is the client, or the one of a user that is an instance."""
    match node:
        case ast.Name(id=name):
            return name in clients
        case ast.Attribute(value=ast.Name(id=name), attr="c"):
            return name in clients
    return False


def _template(written: ast.JoinedStr) -> tuple[str, list[str]]:
    """An f-string as a URL with braces, and its values."""
    pieces, values = [], []
    for each in written.values:
        if isinstance(each, ast.FormattedValue):
            value = ast.unparse(each.value)
            values.append(value)
            pieces.append(f"{{{value if value.isidentifier() else 'id'}}}")
        elif isinstance(each, ast.Constant):
            pieces.append(str(each.value).replace("{", "{{").replace("}", "}}"))
    return "".join(pieces), values
