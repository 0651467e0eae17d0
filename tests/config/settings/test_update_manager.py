"""[update_manager] and [update_manager NAME]: defaults, types, and items that are left out."""

from pathlib import Path

import pytest

from config.settings.update_items import DependencySettings

WEB = "[update_manager]\n[update_manager mainsail]\ntype: web\npath: /x\nrepo: a/b\n"


def settings(read, text):
    loaded = read(text)
    assert loaded.warnings == []
    return loaded.settings.update_manager


def one(read, text):
    (item,) = settings(read, f"[update_manager]\n[update_manager it]\n{text}\n").items
    return item


def warning(read, text):
    (told,) = read(text).warnings
    return told


def test_none_without_the_section(read):
    assert settings(read, "") is None


def test_defaults(read):
    found = settings(read, "[update_manager]\n")
    assert (found.enable_auto_refresh, found.refresh_window) == (False, (0, 5))
    assert found.refresh_interval_s == 168 * 3600
    assert (found.enable_system_updates, found.enable_packagekit) == (True, True)
    assert (found.channel, found.items) == (None, ())


def test_items_are_enough(read):
    found = settings(read, WEB.removeprefix("[update_manager]\n"))
    assert [item.name for item in found.items] == ["mainsail"]
    assert (found.enable_auto_refresh, found.enable_system_updates) == (False, True)


def test_choices_of_a_built_in_item_are_enough(read):
    found = settings(read, "[update_manager klipper]\nchannel: stable\n")
    assert (found.klipper.channel, found.items) == ("stable", ())


def test_a_web_item(read):
    (item,) = settings(read, f"{WEB}persistent_files:\n  config.json\n  themes/\n").items
    assert (item.name, item.type, item.channel, item.repo) == (
        "mainsail",
        "web",
        "stable",
        ("a", "b"),
    )
    assert item.persistent_files == ("config.json", "themes")
    assert item.services == ()


@pytest.mark.parametrize(
    "repo", ["https://github.com/a/b", "http://www.github.com/a/b.git", "a/b/"]
)
def test_a_repository_may_be_named_by_its_address(read, repo):
    (item,) = settings(read, WEB.replace("a/b", repo)).items
    assert item.repo == ("a", "b")


def test_an_interval_of_nothing_is_an_hour(read):
    found = settings(
        read, WEB.replace("\n", "\nrefresh_interval: 0\n", 1) + "refresh_interval: 0\n"
    )
    assert found.refresh_interval_s == 3600
    assert found.items[0].choices.refresh_interval_s == 3600


def test_an_old_title_names_the_same_item(read):
    (item,) = settings(read, WEB.replace("manager mainsail", "manager client mainsail")).items
    assert item.name == "mainsail"


def test_a_git_item(read):
    item = one(
        read,
        "type: git_repo\npath: /p\norigin: https://x.org/a.git\nvirtualenv: env\n"
        "requirements: scripts/r.txt\nmanaged_services: klipper\npinned_commit: ABCDEF0123\n"
        "install_script: i.sh\nprimary_branch: main\ninfo_tags:\n  desc=A\n  b\n"
        "pip_environment_variables:\n  A=1\n  B=2",
    )
    assert (item.channel, item.primary_branch, item.services) == ("dev", "main", ("klipper",))
    assert item.choices.pinned_commit == "abcdef0123"
    assert item.dependencies.virtualenv == Path("/p/env")
    assert item.dependencies.pip_environment == {"A": "1", "B": "2"}
    assert item.info_tags == ("desc=A", "b")


def test_the_older_env_is_an_interpreter(read):
    item = one(
        read,
        "type: git_repo\npath: /p\norigin: https://x.org/a.git\nenv: /v/bin/python\n"
        "requirements: r.txt",
    )
    assert item.dependencies.virtualenv == Path("/v")
    assert item.services == ("it",)


@pytest.mark.parametrize("folder", ["/home/me/screen", "~/screen"])
@pytest.mark.parametrize("within", ["", "/home/me/screen/", "~/screen/"])
def test_files_of_an_item_may_be_named_from_the_root(read, monkeypatch, folder, within):
    monkeypatch.setenv("HOME", "/home/me")
    found = one(
        read,
        f"type: git_repo\npath: {folder}\norigin: https://x.org/a.git\nenv: ~/.env/bin/python\n"
        f"requirements: {within}scripts/r.txt\ninstall_script: {within}scripts/install.sh\n"
        f"system_dependencies: {within}scripts/packages.json",
    ).dependencies
    assert (found.requirements, found.install_script, found.system_dependencies) == (
        "scripts/r.txt",
        "scripts/install.sh",
        "scripts/packages.json",
    )


def test_requirements_with_a_mistake_are_no_missing_ones(read):
    loaded = read(
        "[update_manager it]\ntype: git_repo\npath: /p\norigin: https://x.org/a.git\n"
        "virtualenv: /v\nrequirements: /elsewhere/r.txt\n"
    )
    (told,) = loaded.warnings
    assert "\"/elsewhere/r.txt\" is not a file in 'path'" in told


def test_options_that_are_left_empty_are_not_there(read):
    git = "type: git_repo\npath: /p\norigin: x"
    empty = "moved_origin primary_branch virtualenv requirements install_script pinned_commit"
    assert one(read, git + "".join(f"\n{name}:" for name in empty.split())) == one(read, git)


def test_a_python_item(read):
    item = one(
        read,
        "type: python\nvirtualenv: /v\nproject_name: thing[a, b]\nis_system_service: False\n"
        "channel: dev\nprimary_branch: devel",
    )
    assert (item.project, item.extras, item.services) == ("thing", ("a", "b"), ())
    assert one(read, "type: python\nvirtualenv: /v").project == "it"


RELEASED = "path: /p\nrepo: a/b\nsystem_dependencies: s.json\n"


def test_a_zip_item(read):
    item = one(
        read,
        f"type: zip\n{RELEASED}virtualenv: /v\nrequirements: r.txt\nenable_node_updates: yes\n"
        "persistent_files:\n  .env\n  data/\nchannel: beta\nreport_anomalies: no",
    )
    assert (item.repo, item.services, item.channel) == (("a", "b"), ("it",), "beta")
    assert item.persistent_files == (".env", "data")
    assert not item.choices.report_anomalies
    dependencies = item.dependencies
    assert (dependencies.requirements, dependencies.system_dependencies) == ("r.txt", "s.json")
    assert dependencies.node_updates


def test_an_executable_item(read):
    item = one(read, f"type: executable\n{RELEASED}channel: stable")
    assert (item.services, item.channel, item.persistent_files) == (("it",), "stable", ())
    assert item.dependencies == DependencySettings(system_dependencies="s.json")
    assert item.choices.report_anomalies
    text = f"[update_manager]\n[update_manager it]\ntype: executable\n{RELEASED}"
    for option in ("requirements: r.txt", "persistent_files: a", "pinned_commit: 01234567"):
        assert option.partition(":")[0] in warning(read, f"{text}{option}\n")


def test_a_web_item_needs_nothing_beside_its_files(read):
    item = one(read, "type: web\npath: /p\nrepo: a/b\nchannel: beta")
    assert (item.services, item.dependencies, item.channel) == ((), DependencySettings(), "beta")


def test_names_that_no_item_can_have_and_the_most(read):
    web = "type: web\npath: /x\nrepo: a/b\n"
    loaded = read(f"[update_manager]\n[update_manager system]\n{web}")
    assert loaded.settings.update_manager.items == ()
    assert "of that name already" in " ".join(loaded.warnings)
    many = "".join(f"[update_manager i{n}]\n{web}" for n in range(101))
    loaded = read(f"[update_manager]\n{many}")
    assert [item.name for item in loaded.settings.update_manager.items][-1] == "i99"
    (told,) = loaded.warnings
    assert "[update_manager i100] is not used: 100 items are the most" in told


def test_a_channel_that_the_type_lacks_is_told_and_replaced(read):
    loaded = read(f"{WEB}channel: dev\n")
    (item,) = loaded.settings.update_manager.items
    assert (item.channel, item.choices.channel_invalid) == ("stable", True)
    assert "stable is followed" in loaded.warnings[0]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ("type: zip_beta\npath: /x\nrepo: a/b", "write type: zip and channel: beta"),
        ("type: web_beta\npath: /x\nrepo: a/b", "write type: web and channel: beta"),
        ("type: deb\npath: /x\nrepo: a/b", '"deb" is not known'),
        ("path: /x\nrepo: a/b", "required"),
        ("type: web\npath: /x\nrepo: a", "owner/name"),
        ("type: web\npath: /x\nrepo: https://example.org/a/b", "owner/name"),
        ("type: web\npath: /x\nrepo: https://github.com/a/b/c", "owner/name"),
        ("type: web\npath: /x\nrepo: a/b\npersistent_files: release_info.json", "cannot be kept"),
        ("type: web\npath: /x\nrepo: a/b\npersistent_files: ../x", "cannot be kept"),
        ("type: git_repo\npath: /x\norigin: --upload-pack=x", "not the address"),
        ("type: git_repo\npath: /x\norigin: ext::sh", "not the address"),
        ("type: git_repo\npath: /x\norigin: https://x.org/a b", "not the address"),
        ("type: git_repo\npath: /x\norigin: x\nmoved_origin: ext::sh", "not the address"),
        ("type: git_repo\npath: /x\norigin: x\nprimary_branch: a..b", "not the name of a branch"),
        ("type: web\npath: /x\nrepo: a/b\npersistent_files: .version", "cannot be kept"),
        ("type: executable\npath: /x\nrepo: a/b\nsystem_dependencies: /y", "relative to /x"),
        ("type: git_repo\npath: /x\norigin: x\npinned_commit: abc", "8 hexadecimal"),
        ("type: git_repo\npath: /x\norigin: x\nprimary_branch: --x", "not the name of a branch"),
        ("type: git_repo\npath: /x\norigin: x\nvirtualenv: v", "requirements"),
        ("type: git_repo\npath: /x\norigin: x\nrequirements: ../r", "relative to /x"),
        ("type: git_repo\npath: /x\norigin: x\nrequirements: /x/../r", "relative to /x"),
        ("type: git_repo\npath: /x\norigin: x\nrequirements: /x", "relative to /x"),
        ("type: git_repo\npath: /x\norigin: x\ninstall_script: /xy/r", "relative to /x"),
        ("type: python", "required"),
        ("type: python\nvirtualenv:\nenv:", "required"),
        ("type: git_repo\npath: /x\norigin: x\nenv: /v/bin/python\nrequirements:", "requirements"),
        ("type: python\nvirtualenv: /v\nproject_name: a b", "Python package"),
    ],
)
def test_an_item_with_a_mistake_is_left_out(read, options, said):
    loaded = read(f"{WEB}[update_manager bad]\n{options}\n")
    (told,) = loaded.warnings
    assert said in told
    assert "[update_manager bad] is not used" in told
    assert [item.name for item in loaded.settings.update_manager.items] == ["mainsail"]
    assert loaded.failures == ()


def test_the_first_of_two_counts(read):
    again = WEB.removeprefix("[update_manager]\n").replace("manager ", "manager client ")
    text = f"{WEB}{again}"
    assert "of that name already" in warning(read, text)
    assert len(read(text).settings.update_manager.items) == 1


def test_built_in_items_have_four_options(read):
    found = settings(
        read,
        "[update_manager]\nchannel: beta\n[update_manager klipper]\nchannel: dev\n"
        "pinned_commit: 0123456789\nrefresh_interval: 24\nreport_anomalies: False\n",
    )
    assert found.channel == "beta"
    assert found.klipper.channel == "dev"
    assert found.klipper.pinned_commit == "0123456789"
    assert found.klipper.refresh_interval_s == 24 * 3600
    assert not found.klipper.report_anomalies
    assert found.moonraker.channel is None


def test_a_service_of_others_is_not_managed(read):
    text = "[update_manager]\n[update_manager it]\ntype: zip\npath: /x\nrepo: a/b\n"
    loaded = read(f"{text}managed_services: it ssh moonraker\n")
    assert loaded.settings.update_manager.items[0].services == ("it", "moonraker")
    assert '"ssh"' in loaded.warnings[0]


@pytest.mark.parametrize("window", ["5", "3-3", "a-b", "0-24", "-1-5"])
def test_a_window_that_is_none_fails_the_component(failed, window):
    failed("update_manager", f"[update_manager]\nrefresh_window: {window}\n")


def test_a_window_may_cross_midnight(read):
    assert settings(read, "[update_manager]\nrefresh_window: 22-4\n").refresh_window == (22, 4)


def test_removed_options_say_what_to_write(read):
    assert "type web" in warning(read, "[update_manager]\nclient_repo: a/b\n")
