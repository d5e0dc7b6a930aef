"""`mailward serve`."""

import click

from gateway import log
from gateway.cli.context import Status, config_path, fail, settings_option
from gateway.config import ConfigError, Settings, load
from gateway.config.check import check
from gateway.daemon.serve import run
from gateway.protect.errors import DkimKeyError
from gateway.store.errors import MasterKeyError, StoreError, StoreUnsupported


@click.command()
@settings_option
def serve(settings: Settings) -> None:
    """Run the gateway in the foreground."""
    path = config_path()

    def read_again() -> Settings:
        read = load(path)
        problems = check(read)
        if problems:
            raise ConfigError(problems)
        return read

    problems = check(settings)
    if problems:
        fail("\n".join(str(problem) for problem in problems), Status.BAD_CONFIG)
    log.configure(level=settings.log.level.value, style=settings.log.format.value, host=settings.server.hostname)
    try:
        run(settings, read_again)
    except (MasterKeyError, StoreUnsupported, DkimKeyError) as error:
        fail(str(error), Status.BAD_CONFIG)
    except (StoreError, OSError) as error:
        fail(str(error), Status.TRY_LATER)
