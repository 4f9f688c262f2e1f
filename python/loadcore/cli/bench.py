"""`loadcore bench URL`: one request, again and again, without a scenario file."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from loadcore.cli import option_groups
from loadcore.cli.execute import Output, execute
from loadcore.cli.option_values import checked, pairs, setting
from loadcore.cli.options import Duration, Rate
from loadcore.cli.prepare import prepare
from loadcore.cli.settings import gather
from loadcore.errors import ScenarioError


@option_groups.takes(
    option_groups.Judging,
    option_groups.Processes,
    option_groups.Watching,
    option_groups.Naming,
    option_groups.Showing,
    option_groups.Output,
    option_groups.Documents,
    option_groups.Telemetry,
    option_groups.Tracing,
    option_groups.LivePage,
    option_groups.Strictness,
)
def command(
    context: typer.Context,
    url: Annotated[str, typer.Argument(metavar="URL", help="The URL to request: http://host:port/path?query.")],
    connections: Annotated[
        int | None,
        typer.Option(
            "-c",
            "--connections",
            min=1,
            metavar="NUMBER",
            help="Users, with one connection each; 50 by default. With --rate, the maximum.",
        ),
    ] = None,
    duration: Duration = None,
    number: Annotated[
        int | None, typer.Option("-n", "--number", min=1, metavar="NUMBER", help="Number of requests to send.")
    ] = None,
    rate: Rate = None,
    method: Annotated[
        str | None, typer.Option("-m", "--method", help="HTTP method: GET by default, POST with a body.")
    ] = None,
    header: Annotated[
        list[str],
        typer.Option(
            "-H",
            "--header",
            metavar="NAME:VALUE",
            callback=checked(pairs(":", "Accept: text/html")),
            help="May be repeated.",
        ),
    ] = [],
    data: Annotated[
        str | None, typer.Option("--data", help="Request body; @FILE reads it from a file, @- from stdin.")
    ] = None,
    data_file: Annotated[
        Path | None, typer.Option("-D", "--data-file", exists=True, dir_okay=False, help="The body, from a file.")
    ] = None,
    content_type: Annotated[
        str | None,
        typer.Option("-T", "--content-type", metavar="TYPE", help="Content type of the body; guessed by default."),
    ] = None,
    auth: Annotated[
        str | None, typer.Option("-a", "--auth", metavar="USER:PASSWORD", help="Basic authentication.")
    ] = None,
    timeout: Annotated[
        str, typer.Option("-t", "--timeout", metavar="DURATION", callback=setting("duration"), help="Of one request.")
    ] = "30s",
    insecure: Annotated[bool, typer.Option("-k", "--insecure", help="Accept any certificate.")] = False,
    disable_keepalive: Annotated[
        bool, typer.Option("--disable-keepalive", help="A new connection for every request.")
    ] = False,
) -> int:
    """Requests one URL again and again, without a file.

    loadcore bench http://127.0.0.1:8080/health -c 50 -d 10s

    For 10 s, unless -d or -n say otherwise. The letters are those of hey and oha, but for -d (--duration) and -q
    (--quiet), which mean the same in all commands.
    """
    from loadcore.cli.one_request import body_of, credentials_of, load_of, request_of, scenario_of, target_of
    from loadcore.compiler.load_overrides import LOAD
    from loadcore.loader.scenario_file import ScenarioFile

    target = target_of(url)
    scenario = scenario_of(
        target,
        request_of(target, method, header, body_of(data, data_file), content_type),
        load_of(connections, rate, number, duration),
        auth=credentials_of(auth, target),
        timeout=timeout,
        insecure=insecure,
        keep_alive=not disable_keepalive,
    )
    settings = gather(context).without(*LOAD, "base_url", "env")
    output = Output.of(context, settings)
    try:
        prepared = prepare(ScenarioFile(Path("bench"), (scenario,), ()), settings)
    except ScenarioError as error:
        # There is no file that a place could be in, and no plan that the user has seen.
        raise ScenarioError(replace(problem, path=None) for problem in error.problems) from None
    return execute(prepared, settings, output)
