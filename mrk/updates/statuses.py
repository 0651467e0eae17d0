"""What clients are told of each item, in Moonraker's shapes."""

from typing import Any

import msgspec

from mrk.updates.git_output import CommitInfo


class ItemStatus(msgspec.Struct, frozen=True):
    """What is told of any item; one whose kind is not known yet has no more to tell."""


class _ConfiguredStatus(ItemStatus, frozen=True, kw_only=True):
    """How what is told of every configured item begins."""

    channel: str
    debug_enabled: bool
    channel_invalid: bool
    is_valid: bool
    configured_type: str
    info_tags: tuple[str, ...]


class GitStatus(_ConfiguredStatus, frozen=True, kw_only=True):
    """An item that is a git clone."""

    configured_type: str = "git_repo"
    detected_type: str = "git_repo"
    repo_detected: bool
    remote_alias: str
    branch: str
    owner: str
    repo_name: str
    remote_url: str
    recovery_url: str
    version: str
    remote_version: str
    rollback_version: str
    current_hash: str
    remote_hash: str
    is_dirty: bool
    detached: bool
    commits_behind: tuple[CommitInfo, ...]
    commits_behind_count: int
    git_messages: tuple[str, ...]
    full_version_string: str
    pristine: bool
    corrupt: bool
    warnings: tuple[str, ...]
    anomalies: tuple[str, ...]
    name: str


class ReleaseStatus(_ConfiguredStatus, frozen=True, kw_only=True):
    """An item of type web, zip or executable."""

    name: str
    repo_name: str
    owner: str
    version: str
    remote_version: str
    rollback_version: str
    last_error: str
    warnings: tuple[str, ...]
    anomalies: tuple[str, ...]


class PythonStatus(_ConfiguredStatus, frozen=True, kw_only=True):
    """An item of type python."""

    configured_type: str = "python"
    detected_type: str = "python_package"
    name: str
    branch: str | None
    owner: str
    repo_name: str
    version: str
    remote_version: str
    rollback_version: str
    current_hash: str
    remote_hash: str
    is_dirty: bool
    changelog_url: str
    full_version_string: str
    pristine: bool
    warnings: tuple[str, ...]


class SystemStatus(ItemStatus, frozen=True, kw_only=True):
    """The packages of the operating system."""

    name: str = "system"
    configured_type: str = "system"
    package_count: int
    package_list: tuple[str, ...]


class NoStatus(ItemStatus, frozen=True):
    """An item whose kind is not known yet, such as klipper before it has connected."""


class UpdateStatus(msgspec.Struct, frozen=True):
    """All items; the numbers of GitHub are None until it was asked.

    Those in `version_info` are an `ItemStatus` each, whose kinds no schema can tell apart.
    """

    busy: bool
    github_rate_limit: int | None
    github_requests_remaining: int | None
    github_limit_reset_time: float | None
    version_info: dict[str, Any]
