"""Writes drafts as Python: what a good engineer would write by hand."""

from __future__ import annotations

import re
from pathlib import PurePath
from typing import TYPE_CHECKING

from loadcore.imports.code import (
    WIDTH,
    Brackets,
    Item,
    Node,
    Text,
    call,
    comment_lines,
    listed,
    literal,
    mapping,
    rendered,
)
from loadcore.imports.draft import Call, Group, Remark, Template, Think
from loadcore.imports.names import identifiers

if TYPE_CHECKING:
    from loadcore.imports.draft import Auth, Body, Draft, Extract, Imported, Json, Pairs, Part, Step

_FUNCTIONS = ("get", "head", "options", "post", "put", "patch", "delete")
_ENV = re.compile(r"\{\$env\.(\w+)\}")
_SECOND = 1000
_DEFAULT_LOAD = 'users(1, duration="30s")'


def source_of(imported: Imported, kind: str, where: str, out: str) -> str:
    """The text of the file."""
    writer = _Writer()
    body = [writer.scenario(draft, name) for draft, name in _named(imported.drafts)]
    if imported.thresholds:
        rules = [writer.threshold(each, imported.aborting.get(each)) for each in imported.thresholds]
        body.insert(0, rendered(listed(rules), "THRESHOLDS = "))
    comments = "\n".join(comment_lines(imported.comments))
    used = ", ".join(sorted(writer.used, key=_by_isort))
    imports = rendered(f"from loadcore import {used}")
    if len(imports) > WIDTH:
        imports = rendered(
            Brackets("(", [Item(each) for each in sorted(writer.used, key=_by_isort)], ")"), "from loadcore import "
        )
    head = f'"""Imported from {_tame(where)} (loadcore import {kind}). Try it: loadcore check {_tame(out)} --send"""'
    return "\n\n".join(each for each in (head, imports, comments, *body) if each) + "\n"


def _tame(name: str) -> str:
    """The name of a file for a docstring: nothing in it can end the string."""
    return re.sub(r"[^\w./ -]", "_", PurePath(name).name)[:40] if name != "-" else "FILE"


def _by_isort(name: str) -> tuple[int, str]:
    """Classes before functions."""
    return (0 if name[0].isupper() else 1, name)


def _named(drafts: list[Draft]) -> list[tuple[Draft, str]]:
    return list(zip(drafts, identifiers([each.name for each in drafts]), strict=True))


class _Writer:
    """Writes one file, and remembers what it must import."""

    def __init__(self) -> None:
        self.used: set[str] = {"Scenario"}

    def use(self, name: str) -> str:
        self.used.add(name)
        return name

    def scenario(self, draft: Draft, name: str) -> str:
        load = draft.load or _DEFAULT_LOAD
        self.used |= draft.load_functions or {"users"}
        items = [Item(Text(draft.name))]
        if draft.base_url is not None:
            items.append(Item(Text(draft.base_url), "base_url="))
        items.append(Item(load, "load="))
        times = (("start_after", draft.start_after), ("graceful_stop", draft.graceful_stop))
        items += [Item(Text(value), f"{option}=") for option, value in times if value]
        if draft.auth is not None:
            items.append(Item(self.auth(draft.auth), "auth="))
        if draft.headers:
            items.append(Item(self.headers(draft.headers), "headers="))
        if draft.row:
            row = mapping([(key, Text(value)) for key, value in draft.row.items()])
            feeder = call(self.use("rows_feeder"), Item(listed([row])))
            items.append(Item(listed([feeder]), "feeders="))
        if draft.insecure:
            tls = call(self.use("Tls"), Item("True", "insecure="))
            items.append(Item(call(self.use("Http"), Item(tls, "tls=")), "http="))
        if draft.on_start:
            items.append(Item(self.steps(draft.on_start), "on_start="))
        items.append(Item(self.steps(draft.steps), "steps="))
        lines = comment_lines(draft.comments)
        return "\n".join([*lines, rendered(call("Scenario", *items), f"{name} = ")])

    def threshold(self, expression: str, after: str | None) -> Node:
        if after is None:
            return Text(expression)
        return call(self.use("Threshold"), Item(Text(expression)), Item(Text(after), "abort_after="))

    def steps(self, steps: list[Step]) -> Brackets:
        items: list[Item] = []
        remarks: list[str] = []
        for step in steps:
            match step:
                case Remark():
                    remarks.append(step.text)
                    continue
                case Think():
                    short = step.milliseconds < _SECOND
                    pause = f"{step.milliseconds}ms" if short else f"{step.milliseconds / _SECOND:g}s"
                    item = Item(call(self.use("think"), Item(Text(pause))))
                case Group():
                    inner = self.steps(step.steps)
                    item = Item(call(self.use("group"), Item(Text(step.name)), Item(inner)))
                case Call():
                    item = Item(self.call(step), comments=list(step.comments))
            item.comments = [*remarks, *item.comments]
            remarks = []
            items.append(item)
        return Brackets("[", items, "]", remarks)

    def call(self, step: Call) -> Brackets:
        method = step.method.lower()
        items = [Item(Text(step.url))]
        if method in _FUNCTIONS and step.method == method.upper():
            function = self.use(method)
        else:
            function = self.use("request")
            items.insert(0, Item(Text(step.method)))
        options = (
            ("name", Text(step.name) if step.name else None),
            ("params", self.pairs(step.params)),
            ("headers", self.headers(step.headers) if step.headers else None),
            *self.body(step.body),
            ("auth", self.auth(step.auth) if step.auth else None),
            ("timeout", Text(step.timeout) if step.timeout else None),
            ("follow_redirects", None if step.follow_redirects else "False"),
            ("expect", None if step.expect is None else str(step.expect)),
            ("extract", self.extracts(step.extract)),
        )
        items += [Item(node, f"{name}=") for name, node in options if node is not None]
        return call(function, *items)

    def body(self, body: Body) -> list[tuple[str, Node | None]]:
        typed = Text(body.content_type) if body.content_type else None
        return [
            ("json", self.json(body.json) if body.has_json else None),
            ("multipart" if body.multipart else "data", self.pairs(body.form)),
            ("files", self.files(body.parts)),
            ("content", None if body.content is None else self.text(body.content)),
            ("content_type", typed if body.content is not None else None),
        ]

    def extracts(self, extract: dict[str, Extract]) -> Node | None:
        if not extract:
            return None
        return mapping([(name, self.extract(each)) for name, each in extract.items()])

    def extract(self, extract: Extract) -> Node:
        where = f"{self.use('response')}.{extract.kind}({literal(extract.where)})"
        return where if extract.default is None else call(f"{where}.default", Item(Text(extract.default)))

    def files(self, parts: list[Part]) -> Node | None:
        if not parts:
            return None
        files: dict[str, list[Node]] = {}
        for part in parts:
            files.setdefault(part.name, []).append(self.file(part))
        return mapping([(name, each[0] if len(each) == 1 else listed(each)) for name, each in files.items()])

    def file(self, part: Part) -> Node:
        typed = Item(Text(part.content_type), "content_type=") if part.content_type else None
        if part.content is None:
            return call(self.use("upload"), Item(Text(part.filename)), typed)
        named = Item(Text(part.filename), "filename=")
        # Recorded bytes are ASCII in every case that is taken over.
        return call(self.use("upload"), Item(f"b{literal(part.content.decode('ascii'))}"), named, typed)

    def auth(self, auth: Auth) -> Node:
        function = self.use(auth.function)
        if function == "anonymous":
            return function
        items = [Item(self.call(auth.request))] if auth.request is not None else []
        items += [Item(self.text(each)) for each in auth.arguments]
        if auth.token is not None:
            items.append(Item(self.extract(auth.token), "token="))
        items += [Item(self.text(value), f"{name}=") for name, value in auth.options.items()]
        return call(function, *items)

    def headers(self, headers: list[tuple[str, Template]]) -> Node:
        return self.pairs([(Template(name), value) for name, value in headers]) or mapping([])

    def pairs(self, pairs: Pairs) -> Node | None:
        if not pairs:
            return None
        values: dict[str, list[Node]] = {}
        for name, value in pairs:
            values.setdefault(name, []).append(self.text(value))
        return mapping([(name, each[0] if len(each) == 1 else listed(each)) for name, each in values.items()])

    def text(self, template: Template) -> Node:
        found = _ENV.fullmatch(template)
        if found:
            return f"{self.use('env')}({literal(found[1])})"
        return Text(template)

    def json(self, value: Json) -> Node:
        match value:
            case str():
                return self.text(value)
            case list():
                return listed([self.json(each) for each in value])
            case dict():
                return mapping([(name, self.json(each)) for name, each in value.items()])
        return repr(value)
