"""Switching to another profile."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.screen import ModalScreen

from batchdeck.models.account import Profile
from batchdeck.ui import text
from batchdeck.ui.widgets.line_view import ACCENT, MUTED, STRONG, WARN, LineView, Piece


class ProfileList(LineView):
    """One row a profile: name, address, read-only."""

    DEFAULT_CSS = """
    ProfileList { height: auto; max-height: 20; }
    """

    def __init__(self, profiles: Sequence[Profile], current: str) -> None:
        super().__init__()
        self.profiles = profiles
        self._current = current
        self._name_width = max((text.width_of(text.clean_line(each.name)) for each in profiles), default=0)

    def on_mount(self) -> None:
        """Begin on the profile in use."""
        self.set_count(len(self.profiles))
        names = [profile.name for profile in self.profiles]
        if self._current in names:
            self.cursor = names.index(self._current)

    def row(self, index: int, width: int) -> list[Piece]:
        """A profile."""
        profile = self.profiles[index]
        is_current = profile.name == self._current
        name = text.fit(profile.name, min(24, self._name_width))
        read_only = "  READ-ONLY" if profile.read_only else ""
        room = max(8, width - text.width_of(name) - len(read_only) - 6)
        return [
            (" * " if is_current else "   ", ACCENT),
            (name, STRONG),
            ("  ", ""),
            (text.shorten_middle(profile.base_url, room), MUTED),
            (read_only, WARN),
        ]


class ProfilesScreen(ModalScreen[str]):
    """Choose a profile of the config file; its name is the answer."""

    DEFAULT_CSS = """
    ProfilesScreen { align: center middle; }
    ProfilesScreen > Container {
        width: 80; max-width: 100%; height: auto; max-height: 100%;
        background: $surface; border: round $border; padding: 1 1;
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "choose", "Choose", show=False),
        Binding("escape,q,P", "close", "Close", show=False),
    ]

    def __init__(self, profiles: Sequence[Profile], current: str) -> None:
        super().__init__()
        self._profiles = profiles
        self._current = current

    def compose(self) -> ComposeResult:
        """The list in a box."""
        with Container() as box:
            box.border_title = "Switch profile"
            box.border_subtitle = "enter chooses, esc closes"
            yield ProfileList(self._profiles, self._current)

    @on(LineView.Chosen)
    def _chosen(self, message: LineView.Chosen) -> None:
        self.dismiss(self._profiles[message.index].name)

    def why_not(self, action_id: str) -> str | None:
        """Every action of the list can run."""
        return None

    def action_choose(self) -> None:
        """The profile under the cursor."""
        self.query_one(ProfileList).choose()

    def action_close(self) -> None:
        """Back."""
        self.dismiss()
