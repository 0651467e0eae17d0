"""Makes the items: the built-in ones and one for each section."""

from config.settings.update_items import UpdateItemSettings
from mrk.updates.item import UpdateItem
from nurseries.update_manager.child import ChildRunner
from nurseries.update_manager.git_item import GitItem
from nurseries.update_manager.github import GitHub
from nurseries.update_manager.release_item import ReleaseItem
from nurseries.update_manager.unknown_item import UnknownItem


class ItemMaker:
    """What items need of the outside."""

    def __init__(self, runner: ChildRunner, github: GitHub) -> None:
        self._runner = runner
        self._github = github

    def make(self, settings: UpdateItemSettings) -> UpdateItem:
        """The item that a section describes."""
        if settings.type == "git_repo":
            return GitItem(settings, self._runner)
        if settings.type == "python":
            return UnknownItem(settings.name)
        return ReleaseItem(settings, self._github)
