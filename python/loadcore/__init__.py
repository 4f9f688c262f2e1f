"""Load-test HTTP APIs, and find out whether to trust the result.

What scenario files are written with, all in one place:

    from loadcore import Scenario, get, think, users

    browse = Scenario(
        "browse",
        base_url="http://127.0.0.1:8080",
        load=users(50, duration="60s"),
        steps=[get("/items"), think("1s", "3s")],
    )

Names in capitals are settings (`Scenario`, `Http`, `Timeouts`); all else is a part of a flow.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from loadcore.exports import *  # noqa: F403
    from loadcore.exports import __all__ as __all__
else:
    from importlib import import_module

    def __getattr__(name: str) -> object:
        """Import what scenario files need when one of them asks for it: a worker and `--help` need none of it."""
        # `from loadcore import results` asks here for a module before it looks for one.
        if not _is_module(name):
            exports = import_module("loadcore.exports")
            if name == "__all__" or name in exports.__all__:
                return getattr(exports, name)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

    def __dir__() -> list[str]:
        return [*globals(), *import_module("loadcore.exports").__all__]

    def _is_module(name: str) -> bool:
        return import_module("importlib.util").find_spec(f"{__name__}.{name}") is not None
