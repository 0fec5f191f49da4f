"""A path on one line; tab goes on to where the names on disk part."""

from __future__ import annotations

import os
from pathlib import Path
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.suggester import Suggester
from textual.widgets import Input

from batchdeck.services.local_files import complete_path


class PathSuggester(Suggester):
    """Offers what is on disk behind the cursor."""

    def __init__(self, *, folders_only: bool = False) -> None:
        super().__init__(use_cache=False, case_sensitive=True)
        self._folders_only = folders_only

    async def get_suggestion(self, value: str) -> str | None:
        """The path made longer, or None."""
        return await complete_path(value, folders_only=self._folders_only) if value else None


class PathInput(Input):
    """Tab completes while there is something to complete, and moves on when there is not."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("tab", "complete", "Complete", show=False)]
    DEFAULT_CSS = """
    PathInput { width: 1fr; }
    """

    def __init__(
        self, value: str = "", *, placeholder: str = "", folders_only: bool = False, id: str | None = None
    ) -> None:
        super().__init__(
            value,
            placeholder=placeholder,
            suggester=PathSuggester(folders_only=folders_only),
            compact=True,
            id=id,
        )
        self._folders_only = folders_only

    @property
    def path(self) -> Path | None:
        """What is typed, with `~` resolved, or None when nothing is."""
        return Path(self.value.strip()).expanduser() if self.value.strip() else None

    @property
    def folder(self) -> Path:
        """The folder of what is typed, or the current one."""
        folder, _ = os.path.split(self.value.strip())
        return Path(folder or os.curdir).expanduser()

    async def action_complete(self) -> None:
        """Take in what there is on disk, else go to the next field."""
        longer = await complete_path(self.value, folders_only=self._folders_only) if self.value else None
        if longer is None or self.cursor_position < len(self.value):
            self.screen.focus_next()
            return
        self.value = longer
        self.cursor_position = len(longer)
