"""Security schemes as ways to authenticate; every credential is read from the environment."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from loadcore.imports.draft import Auth, Call, Report, from_env, plain
from loadcore.imports.names import environment_name

if TYPE_CHECKING:
    from loadcore.imports.openapi_values import Values
    from loadcore.imports.secrets import Secrets


@dataclass(slots=True)
class Security:
    """The schemes of one document."""

    document: dict[str, Any]
    values: Values
    secrets: Secrets
    chosen: Auth | None = None
    environment: dict[str, str] = field(default_factory=dict)

    def default(self, report: Report) -> Auth | None:
        """The authentication that most operations ask for: the document's own, else that of the first that has one."""
        requirement = self._requirement(self.document)
        if requirement is None:
            requirement = next((each for each in map(self._requirement, self._operations()) if each), None)
        self.chosen = self._auth(requirement, report)
        return self.chosen

    def apply(self, call: Call, operation: dict[str, Any]) -> None:
        """An operation that asks for nothing is sent without authentication."""
        own = self._requirement(operation)
        required = own if own is not None else self._requirement(self.document)
        if self.chosen is not None and not required:
            call.auth = Auth("anonymous")

    def _operations(self) -> list[dict[str, Any]]:
        paths = self.document.get("paths")
        items = [self.values.resolved(each) for each in paths.values()] if isinstance(paths, dict) else []
        return [each for item in items for each in item.values() if isinstance(each, dict)]

    def _requirement(self, given: dict[str, Any]) -> list[str] | None:
        """The names of the schemes of the first alternative; an empty list for none; None if it says nothing."""
        alternatives = given.get("security")
        if not isinstance(alternatives, list):
            return None
        first = next((each for each in alternatives if isinstance(each, dict) and each), None)
        return [] if first is None or {} in alternatives else [str(name) for name in first]

    def _auth(self, requirement: list[str] | None, report: Report) -> Auth | None:
        components = self.document.get("components")
        schemes = components.get("securitySchemes") if isinstance(components, dict) else None
        known = schemes or self.document.get("securityDefinitions") or {}
        for name in requirement or ():
            scheme = self.values.resolved(known.get(name)) if isinstance(known, dict) else {}
            auth = self._of_scheme(name, scheme)
            if auth is not None:
                if requirement is not None and len(requirement) > 1:
                    report.note(
                        f"the operations need several schemes ({', '.join(requirement)}); {name} was taken over"
                    )
                return auth
            report.left_out[f"security schemes of type {str(scheme.get('type'))[:30]}"] += 1
        return None

    def _env(self, name: str, what: str) -> Any:  # noqa: ANN401 - a template
        self.environment[name] = what
        return from_env(name)

    def _of_scheme(self, name: str, scheme: dict[str, Any]) -> Auth | None:
        kind, http = scheme.get("type"), str(scheme.get("scheme") or "").lower()
        if kind == "basic" or (kind == "http" and http == "basic"):
            return Auth("basic", [self._env("API_USER", "the user name"), self._env("API_PASSWORD", "the password")])
        if (kind == "http" and http == "bearer") or kind == "openIdConnect":
            return Auth("bearer", [self._env("API_TOKEN", f"the bearer token ({name})")])
        if kind == "apiKey" and scheme.get("in") in {"header", "query"}:
            where = str(scheme.get("name") or "")
            if re.fullmatch(r"[\w!#$%&'*+.^`|~\[\]-]+", where, re.ASCII):
                key = self._env(environment_name(where), f"the API key ({name})")
                return Auth("api_key", [key], {str(scheme["in"]): plain(where)})
        return self._oauth2(scheme) if kind == "oauth2" else None

    def _oauth2(self, scheme: dict[str, Any]) -> Auth:
        """A grant that needs no browser; a token from elsewhere for the others."""
        flows = scheme.get("flows")
        flows = flows if isinstance(flows, dict) else {str(scheme.get("flow")): scheme}
        for flow in ("clientCredentials", "application", "password"):
            found = flows.get(flow)
            url = found.get("tokenUrl") if isinstance(found, dict) else None
            if not isinstance(url, str) or not re.fullmatch(r"(?:https?:/)?/[^\s{}\"'\\]+", url):
                continue
            options = {"token_url": plain(url)}
            if flow == "password":
                options["username"] = self._env("API_USER", "the user name")
                options["password"] = self._env("API_PASSWORD", "the password")
                return Auth("oauth2_password", options=options)
            options["client_id"] = self._env("CLIENT_ID", "the id of the client")
            options["client_secret"] = self._env("CLIENT_SECRET", "the secret of the client")
            return Auth("oauth2_client_credentials", options=options)
        return Auth("bearer", [self._env("API_TOKEN", "a token of OAuth 2, from a login in a browser")])
