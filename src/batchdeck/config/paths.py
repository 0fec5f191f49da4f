"""Where files live; no other module knows."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from batchdeck.errors import ConfigError

NAME = "batchdeck"


@dataclass(frozen=True, slots=True)
class Paths:
    """The program's own files and folders."""

    config_file: Path
    data_dir: Path
    history: Path
    inputs_dir: Path
    """Compressed copies of inputs that were sent."""
    results_dir: Path
    """Result files fetched for the deck's own use."""
    outbox_dir: Path
    """Inputs on their way out: retries and parts of split files, until they are sent."""
    log_dir: Path
    log_file: Path
    is_config_named: bool = False
    """True when a flag named the config file, so that it must exist."""

    @classmethod
    def find(
        cls,
        config: str | os.PathLike[str] | None = None,
        data_dir: str | os.PathLike[str] | None = None,
        log_file: str | os.PathLike[str] | None = None,
    ) -> Paths:
        """Where the platform wants the files, or where the flags say."""
        config_file = (
            _absolute(config)
            if config is not None
            else Path(platformdirs.user_config_dir(NAME, appauthor=False)) / "config.toml"
        )
        data = (
            _absolute(data_dir)
            if data_dir is not None
            else Path(platformdirs.user_data_dir(NAME, appauthor=False))
        )
        log = (
            _absolute(log_file)
            if log_file is not None
            else Path(platformdirs.user_log_dir(NAME, appauthor=False)) / "batchdeck.log"
        )
        return cls(
            config_file=config_file,
            data_dir=data,
            history=data / "history.sqlite3",
            inputs_dir=data / "inputs",
            results_dir=data / "results",
            outbox_dir=data / "outbox",
            log_dir=log.parent,
            log_file=log,
            is_config_named=config is not None,
        )

    def make(self) -> None:
        """Make the folders of the data, readable by their owner alone.

        Raises:
            ConfigError: one cannot be made.
        """
        for folder in (self.data_dir, self.inputs_dir, self.results_dir, self.outbox_dir):
            make_folder(folder)


def make_folder(folder: Path) -> Path:
    """Make a folder that its owner alone can read; one that is there is left as it is.

    Raises:
        ConfigError: it cannot be made.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(
            f"The folder {folder} cannot be made: {error.strerror or error}.",
            hint="Name another folder with --data-dir.",
        ) from error
    return folder


def make_private_file(path: Path) -> Path:
    """Make a file that its owner alone can read; one that is there is left as it is.

    Raises:
        ConfigError: it or its folder cannot be made.
    """
    make_folder(path.parent)
    try:
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    except OSError as error:
        raise ConfigError(f"The file {path} cannot be made: {error.strerror or error}.") from error
    return path


def _absolute(path: str | os.PathLike[str]) -> Path:
    try:
        return Path(path).expanduser().absolute()
    except (RuntimeError, OSError) as error:
        raise ConfigError(f"The path {os.fspath(path)} cannot be used: {error}.") from error
