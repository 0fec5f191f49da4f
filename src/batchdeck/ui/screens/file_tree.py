"""Choose a file from a tree."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import ClassVar

from rich.style import Style
from rich.text import Text
from textual import events, on
from textual.binding import Binding, BindingType
from textual.widget import Widget
from textual.widgets import DirectoryTree
from textual.widgets._directory_tree import DirEntry
from textual.widgets.tree import TreeNode

from batchdeck.ui import text
from batchdeck.ui.glyphs import Glyphs
from batchdeck.ui.screens.dialog import Dialog


class FileTree(DirectoryTree):
    """Folders and the files that a create could use; names are shown as text."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j", "cursor_down", show=False),
        Binding("k", "cursor_up", show=False),
    ]
    DEFAULT_CSS = """
    FileTree { height: 10; background: $surface; scrollbar-size-vertical: 1; }
    """

    def __init__(self, folder: Path, glyphs: Glyphs, *, id: str | None = None) -> None:
        super().__init__(folder, id=id)
        self.show_guides = False
        self.ICON_NODE = f"{glyphs.folded} "
        self.ICON_NODE_EXPANDED = f"{glyphs.unfolded} "
        self.ICON_FILE = "  "

    def filter_paths(self, paths: Iterable[Path]) -> Iterable[Path]:
        """Without what is hidden."""
        return [path for path in paths if not path.name.startswith(".")]

    def render_label(self, node: TreeNode[DirEntry], base_style: Style, style: Style) -> Text:
        """The label with a name that cannot act on the terminal."""
        label = super().render_label(node, base_style, style)
        label.plain = text.clean_line(label.plain)
        return label


class FileTreeScreen(Dialog[Path | None]):
    """Dismissed with the file that was chosen, or None.

    Args:
        folder: Where the tree begins.
    """

    AUTO_FOCUS: ClassVar[str | None] = "#file-tree"
    title_text = "Choose a file"
    yes_label = "Choose"
    no_label = "Close"

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.folder = folder

    def on_resize(self, event: events.Resize) -> None:
        """As tall as the window has room for."""
        self.query_one(FileTree).styles.height = max(3, min(24, event.size.height - 6))

    def compose_body(self) -> Iterable[Widget]:
        """The tree."""
        yield FileTree(self.folder, self.deck.glyphs, id="file-tree")

    @on(DirectoryTree.FileSelected)
    def _selected(self, event: DirectoryTree.FileSelected) -> None:
        event.stop()
        self.dismiss(event.path)

    def answer_yes(self) -> None:
        """The file under the cursor."""
        node = self.query_one(FileTree).cursor_node
        if node is not None and node.data is not None and not node.allow_expand:
            self.dismiss(node.data.path)

    def answer_no(self) -> None:
        """None."""
        self.dismiss(None)
