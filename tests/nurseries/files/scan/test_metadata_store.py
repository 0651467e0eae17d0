"""The store over the real scan worker, with a database in memory."""

import hashlib
import os
import shutil
import sys
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import trio
from pytest_trio import trio_fixture

from mrk.database.database_protocols import SqlConnection
from mrk.errors import ClientError
from mrk.files.arrived import ArrivedFile
from mrk.files.temporary import is_temporary
from mrk.gcode.metadata import ScanOutcome
from mrk.gcode.processors import GcodeProcessor
from nurseries.files.scan import stored_records
from nurseries.files.scan.file_digests import digest_of
from nurseries.files.scan.messages import Unpacked
from nurseries.files.scan.metadata_store import MetadataStore
from nurseries.files.scan.scanner import RewriteFailed, Scanner
from nurseries.files.scan.stored_records import NAMESPACE
from nurseries.files.threads import Threads
from nurseries.testing.memory_database import MemoryDatabase
from tests.fakes.binary_gcode import binary_gcode
from tests.fakes.gcode_images import png

DATA = Path(__file__).parents[3] / "data/gcode"
LABELLED = "prusa-slicer-2.5.0-mk3s-three-labelled-cut.gcode"
WITH_IMAGES = "prusa-slicer-2.5.0-gui-thumbnails-png-cut.gcode"


class Store:
    def __init__(self, gcodes: Path, database: MemoryDatabase, nursery: trio.Nursery) -> None:
        self.gcodes = gcodes
        self.database = database
        self._nursery = nursery
        self._running: list[Scanner] = []

    async def open(self, scanner: Scanner | None = None, **options: Any) -> MetadataStore:
        runs = scanner is not None and scanner in self._running
        scanner = scanner or Scanner()
        store = MetadataStore(self.gcodes, scanner, self.database, **options)
        if not runs:
            self._running.append(scanner)
            await self._nursery.start(scanner.serve)
        await self._nursery.start(store.serve)
        return store

    def put(self, source: str, path: str) -> Path:
        target = self.gcodes / path
        target.parent.mkdir(exist_ok=True)
        shutil.copyfile(DATA / source, target)
        return target


@trio_fixture
async def house(tmp_path: Path) -> AsyncIterator[Store]:
    database = MemoryDatabase()
    with trio.fail_after(60):
        async with trio.open_nursery() as nursery:
            yield Store(tmp_path, database, nursery)
            nursery.cancel_scope.cancel()
    database.close()


async def test_a_scan_is_kept_over_a_restart(house: Store) -> None:
    house.put(WITH_IMAGES, "part.gcode")
    store = await house.open()
    found = await store.request_scan("part.gcode")
    assert found is not None
    assert found["slicer"] == "PrusaSlicer"
    assert found["scan_state"] == "ok"
    assert found["job_id"] is None
    again = await house.open()
    assert again.get("part.gcode") == found
    assert await again.request_scan("part.gcode") == found


async def test_a_changed_file_is_scanned_anew(house: Store) -> None:
    file = house.put(WITH_IMAGES, "part.gcode")
    store = await house.open()
    await store.request_scan("part.gcode")
    file.write_text("G28\n")
    found = await store.request_scan("part.gcode")
    assert found is not None
    assert (found["size"], found["slicer"]) == (4, "Unknown")


class WriterMeanwhile(Scanner):
    """Somebody writes the file again while it is read."""

    async def scan(self, path: Path, *, images: bool = True) -> ScanOutcome:
        outcome = await super().scan(path, images=images)
        if path.stat().st_size < 1000:
            path.write_bytes((DATA / WITH_IMAGES).read_bytes())
        return outcome


async def test_a_file_that_grows_while_it_is_read_is_read_again(house: Store) -> None:
    (house.gcodes / "part.gcode").write_text("G28\n")
    store = await house.open(WriterMeanwhile())
    found = await store.request_scan("part.gcode")
    assert found is not None
    assert (found["size"], found["slicer"]) == (4, "Unknown")
    found = await store.request_scan("part.gcode")
    assert found is not None
    assert (found["slicer"], found["estimated_time"]) == ("PrusaSlicer", 813)
    assert found["modified"] == (house.gcodes / "part.gcode").stat().st_mtime


async def test_two_who_ask_at_once_share_one_scan(house: Store) -> None:
    house.put(WITH_IMAGES, "part.gcode")
    store = await house.open()
    found = []

    async def ask() -> None:
        found.append(await store.request_scan("part.gcode"))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(ask)
        nursery.start_soon(ask)
    assert found[0] == found[1]


async def test_a_file_that_is_gone_or_was_never_there(house: Store) -> None:
    store = await house.open()
    assert await store.request_scan("missing.gcode") is None
    assert store.get("missing.gcode") is None


async def test_images_go_with_a_renamed_file_and_with_a_removed_one(house: Store) -> None:
    file = house.put(WITH_IMAGES, "part.gcode")
    store = await house.open()
    await store.request_scan("part.gcode")
    (house.gcodes / "sub").mkdir()
    file.rename(house.gcodes / "sub/other.gcode")
    await store.move("part.gcode", "sub/other.gcode")
    record = store.get("sub/other.gcode")
    assert record is not None
    images = [house.gcodes / "sub" / image["relative_path"] for image in record["thumbnails"]]
    assert images
    assert all(image.name.startswith("other-") and image.is_file() for image in images)
    assert store.get("part.gcode") is None
    await store.remove("sub/other.gcode")
    assert not any(image.exists() for image in images)
    assert await house.database.items(NAMESPACE) == {}


def images_of(store: MetadataStore, path: str) -> set[str]:
    record = store.get(path)
    assert record is not None
    return {image["relative_path"] for image in record.get("thumbnails", ())}


async def test_files_of_one_stem_have_images_of_their_own(house: Store) -> None:
    store = await house.open()
    names = ("s.gcode", "s.g", "s.GCODE", "s.nc", "s.g.gcode")
    for name in names:
        house.put(WITH_IMAGES, name)
        await store.request_scan(name)
    found = [images_of(store, name) for name in names]
    assert all(found)
    assert len(set.union(*found)) == sum(len(one) for one in found)
    await store.remove("s.g")
    assert all((house.gcodes / image).is_file() for image in found[0] | found[4])
    assert not any((house.gcodes / image).exists() for image in found[1])


async def test_images_follow_a_file_to_another_suffix(house: Store) -> None:
    house.put(WITH_IMAGES, "s.gcode")
    store = await house.open()
    await store.request_scan("s.gcode")
    before = images_of(store, "s.gcode")
    (house.gcodes / "s.gcode").rename(house.gcodes / "s.g")
    await store.move("s.gcode", "s.g")
    after = images_of(store, "s.g")
    assert not before & after
    house.put(WITH_IMAGES, "s.gcode")
    await store.request_scan("s.gcode")
    assert images_of(store, "s.gcode") == before
    assert all((house.gcodes / image).is_file() for image in before | after)
    await store.remove("s.g")
    assert all((house.gcodes / image).is_file() for image in before)
    assert set(os.listdir(house.gcodes / ".thumbs")) == {Path(image).name for image in before}


async def test_images_that_another_record_lists_stay(house: Store) -> None:
    """Moonraker named them by the stem alone, and its records are taken over."""
    thumbs = house.gcodes / ".thumbs"
    thumbs.mkdir()
    (thumbs / "s-32x32.png").write_bytes(png(32, 32))
    record = {
        "thumbnails": [
            {"width": 32, "height": 32, "size": 9, "relative_path": ".thumbs/s-32x32.png"}
        ]
    }
    await house.database.put_items(NAMESPACE, {"s.g": record, "s.gcode": record})
    store = await house.open()
    await store.remove("s.g")
    assert (thumbs / "s-32x32.png").exists()
    await store.remove("s.gcode")
    assert not (thumbs / "s-32x32.png").exists()


async def test_images_of_what_was_overwritten_go(house: Store) -> None:
    file = house.put(WITH_IMAGES, "part.gcode")
    house.put(WITH_IMAGES, "other.gcode")
    store = await house.open()
    for name in ("part.gcode", "other.gcode"):
        await store.request_scan(name)
    file.write_text("G28\n")
    await store.request_scan("part.gcode")
    assert images_of(store, "part.gcode") == set()
    file.rename(house.gcodes / "other.gcode")
    await store.move("part.gcode", "other.gcode")
    assert os.listdir(house.gcodes / ".thumbs") == []


async def test_a_folder_takes_its_records_along(house: Store) -> None:
    house.put(WITH_IMAGES, "a/part.gcode")
    store = await house.open()
    await store.request_scan("a/part.gcode")
    (house.gcodes / "a").rename(house.gcodes / "b")
    await store.move("a", "b")
    record = store.get("b/part.gcode")
    assert record is not None
    assert (house.gcodes / "b" / record["thumbnails"][0]["relative_path"]).is_file()


async def test_a_large_folder_is_moved_and_removed_without_looking_at_its_records(
    house: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What each record says would hold up the event loop: 20,000 took 2 s."""
    house.put(WITH_IMAGES, "a/part.gcode")
    store = await house.open()
    await store.request_scan("a/part.gcode")
    record = store.get("a/part.gcode")

    def forbidden(*_: object) -> None:
        raise AssertionError("a record was looked at")

    with monkeypatch.context() as patched:
        patched.setattr(stored_records, "decode_by", forbidden)
        (house.gcodes / "a").rename(house.gcodes / "b")
        await store.move("a", "b")
    assert store.get("b/part.gcode") == record
    with monkeypatch.context() as patched:
        patched.setattr(stored_records, "decode_by", forbidden)
        shutil.rmtree(house.gcodes / "b")
        await store.remove("b")
    assert await house.database.items(NAMESPACE) == {}


@pytest.mark.parametrize("text", [b'{"size":', b'{"a":"\xff"}', b"5", b"[]"])
async def test_a_damaged_record_is_none_and_replaced(house: Store, text: bytes) -> None:
    file = house.put(LABELLED, "a.gcode")

    def damage(connection: SqlConnection) -> None:
        connection.execute(
            "INSERT INTO namespace_store VALUES (?, 'a.gcode', CAST(? AS TEXT))", (NAMESPACE, text)
        )

    await house.database.run(damage)
    store = await house.open()
    assert "slicer" not in (store.get("a.gcode") or {})
    record = await store.request_scan("a.gcode")
    assert record is not None
    assert record["size"] == file.stat().st_size
    again = (await house.open()).get("a.gcode")
    assert again is not None
    assert again["slicer"] == "PrusaSlicer"


async def test_only_what_is_there_is_retained(house: Store) -> None:
    house.put(WITH_IMAGES, "a.gcode")
    house.put(WITH_IMAGES, "b.gcode")
    store = await house.open()
    for name in ("a.gcode", "b.gcode"):
        await store.request_scan(name)
    await store.retain(["b.gcode"])
    assert store.get("a.gcode") is None
    assert set(await house.database.items(NAMESPACE)) == {"b.gcode"}


async def test_a_print_is_noted_and_lives_on(house: Store) -> None:
    house.put(WITH_IMAGES, "a.gcode")
    store = await house.open()
    await store.request_scan("a.gcode")
    await store.note_print("a.gcode", 5.0, "00002A")
    await store.note_print("missing.gcode", 5.0, "00002B")
    record = (await house.open()).get("a.gcode")
    assert record is not None
    assert (record["print_start_time"], record["job_id"]) == (5.0, "00002A")


async def test_a_full_disk_costs_the_record_of_the_next_start_only(
    house: Store, caplog: pytest.LogCaptureFixture
) -> None:
    house.put(WITH_IMAGES, "a.gcode")
    store = await house.open()
    house.database.failure = ClientError("no space left", 507)
    assert await store.request_scan("a.gcode") is not None
    assert store.get("a.gcode") is not None
    assert "metadata is not stored" in caplog.text


async def test_what_a_full_disk_refused_is_stored_later(house: Store) -> None:
    for name in ("a.gcode", "b.gcode", "c.gcode"):
        house.put(WITH_IMAGES, name)
    store = await house.open(retry_s=0.01)
    await store.request_scan("a.gcode")
    await store.request_scan("b.gcode")
    house.database.write_failure = ClientError("no space left", 507)
    await store.note_print("a.gcode", 5.0, "00000A")
    await store.remove("b.gcode")
    with trio.CancelScope() as scope:
        scope.cancel()
        await store.note_print("a.gcode", 5.0, "00000A")
    await store.request_scan("c.gcode")
    assert (await house.open()).get("c.gcode") is None
    house.database.write_failure = None
    while (await house.open()).get("c.gcode") is None:  # noqa: ASYNC110
        await trio.sleep(0.01)
    again = await house.open()
    assert again.get("a.gcode") == store.get("a.gcode")
    noted = again.get("a.gcode")
    assert noted is not None
    assert noted["job_id"] == "00000A"
    assert again.get("b.gcode") is None


async def test_objects_are_added_once_when_asked_for(house: Store) -> None:
    file = house.put(LABELLED, "three.gcode")
    store = await house.open(object_processing=True)
    found = await store.request_scan("three.gcode")
    assert found is not None
    assert b"EXCLUDE_OBJECT_DEFINE" in file.read_bytes()
    assert found["file_processors"]
    assert found["size"] == file.stat().st_size
    assert await store.request_scan("three.gcode") == found


NEWER = b"; the next upload\nG28\n"


class UploadMeanwhile(Scanner):
    """Another file takes the place of one that is rewritten, or that goes away."""

    def _meanwhile(self, path: Path) -> None:
        if path.stat().st_mode & 0o100:  # marked to be removed
            path.unlink()
        else:
            other = path.with_name(".upload")
            other.write_bytes(NEWER)
            other.replace(path)

    async def add_objects(self, source: Path, target: Path) -> list[str]:
        names = await super().add_objects(source, target)
        self._meanwhile(source)
        return names

    async def process(self, source: Path, target: Path, processor: GcodeProcessor) -> bool:
        target.write_bytes(b"; processed\n")
        if source.read_bytes() != NEWER:
            self._meanwhile(source)
        return True

    async def unpack(
        self, package: Path, model: Path, final: Path, *, size_bytes: int = 0, plate: int = 0
    ) -> Unpacked:
        model.write_bytes(b"; unpacked\n")
        self._meanwhile(package)
        return Unpacked(11, False)


def hidden(house: Store) -> list[str]:
    return [path.name for path in house.gcodes.iterdir() if is_temporary(path.name)]


@pytest.mark.parametrize("mode", [0o644, 0o744], ids=["replaced", "removed"])
@pytest.mark.parametrize("how", ["objects", "processor"])
async def test_a_file_that_changes_while_it_is_rewritten_is_left_alone(
    house: Store, mode: int, how: str
) -> None:
    file = house.put(LABELLED, "three.gcode")
    file.chmod(mode)
    store = await house.open(UploadMeanwhile(), object_processing=how == "objects")
    if how == "processor":
        store.processors.append(GcodeProcessor("any", "any:process"))
    await store.request_scan("three.gcode")
    assert hidden(house) == []
    if mode == 0o744:
        assert not file.exists()
        return
    assert file.read_bytes() == NEWER
    # Its own turn comes, with all that belongs to it.
    record = await store.request_scan("three.gcode")
    assert record is not None
    assert record["size"] == file.stat().st_size
    assert file.read_bytes() == (NEWER if how == "objects" else b"; processed\n")


@pytest.mark.parametrize("mode", [0o644, 0o744], ids=["replaced", "removed"])
async def test_a_package_that_changes_while_it_is_unpacked_is_left_alone(
    house: Store, mode: int
) -> None:
    package = house.gcodes / "part.ufp"
    package.write_bytes(b"PK")
    package.chmod(mode)
    store = await house.open(UploadMeanwhile())
    await store.request_scan("part.ufp")
    assert hidden(house) == []
    assert not (house.gcodes / "part.gcode").exists()
    assert package.exists() == (mode == 0o644)


async def test_what_is_rewritten_keeps_its_link_and_its_permissions(house: Store) -> None:
    real = house.put(LABELLED, "elsewhere.g")
    real.chmod(0o664)
    (house.gcodes / "three.gcode").symlink_to(real)
    store = await house.open(object_processing=True)
    await store.request_scan("three.gcode")
    assert b"EXCLUDE_OBJECT_DEFINE" in real.read_bytes()
    assert real.stat().st_mode & 0o777 == 0o664
    assert (house.gcodes / "three.gcode").is_symlink()


async def test_a_package_is_unpacked_for_its_place(house: Store) -> None:
    store = await house.open()
    for _ in range(2):  # the second one replaces the first
        package = house.gcodes / ".upload"
        with zipfile.ZipFile(package, "w") as archive:
            archive.writestr(
                "/3D/model.gcode", (DATA / "cura-4.13.0-ender3-cube-cut.gcode").read_bytes()
            )
            archive.writestr("/Metadata/thumbnail.png", png(48, 48))
        unpacked = await store.unpack(package, "part.gcode")
        assert unpacked is not None
        model = unpacked.path
        assert is_temporary(model.name)
        model.rename(house.gcodes / "part.gcode")
        package.unlink()
        found = await store.request_scan("part.gcode")
        assert found is not None
        assert found["slicer"] == "Cura"
        images = [image["relative_path"] for image in found["thumbnails"]]
        assert ".thumbs/part.package.png" in images
        assert all((house.gcodes / image).is_file() for image in images)
    await store.note_print("part.gcode", 1000.0, "00000A")
    again = await store.request_scan("part.gcode", anew=True)
    assert found is not None
    assert again is not None
    assert again["uuid"] != found["uuid"]
    assert again["job_id"] is None
    # The package, which is gone, was the only place where the picture was.
    assert again["thumbnails"] == found["thumbnails"]
    assert all((house.gcodes / image).is_file() for image in images)


async def test_what_a_file_extrudes_unless_it_is_another(house: Store) -> None:
    file = house.gcodes / "part.gcode"
    file.write_bytes(b"G1 E2\nG1 E5\n")
    store = await house.open()
    known = await store.request_scan("part.gcode")
    assert known is not None
    assert await store.extruded_mm("part.gcode", known) == 5.0
    assert await store.extruded_mm("part.gcode", known, 3) == 2.0
    assert await store.extruded_mm("part.gcode", {}) == 5.0
    assert await store.extruded_mm("gone.gcode", {}) is None
    file.write_bytes(b"G1 E3\n")
    assert await store.extruded_mm("part.gcode", known) is None


class Counting(Scanner):
    """Counts packages; `away` is what the host does to them."""

    def __init__(self) -> None:
        super().__init__()
        self.unpacked = 0
        self.away: RewriteFailed | None = None

    async def unpack(
        self, package: Path, model: Path, final: Path, *, size_bytes: int = 0, plate: int = 0
    ) -> Unpacked:
        self.unpacked += 1
        if self.away is not None:
            raise self.away
        return await super().unpack(package, model, final, size_bytes=size_bytes)


async def test_a_broken_package_is_unpacked_once(house: Store) -> None:
    scanner = Counting()
    store = await house.open(scanner)
    uploaded, package = house.gcodes / ".upload", house.gcodes / "part.ufp"
    uploaded.write_bytes(b"PK no package")
    assert await store.unpack(uploaded, "part.gcode") is None
    uploaded.rename(package)
    for _ in range(2):
        found = await store.request_scan("part.ufp")
        assert found is not None
        assert (found["scan_state"], found["size"]) == ("failed", 13)
        assert "zip" in found["scan_reason"]
    assert await (await house.open(scanner)).request_scan("part.ufp") == found
    assert scanner.unpacked == 1
    package.write_bytes(b"PK no package either")
    await store.request_scan("part.ufp")
    assert scanner.unpacked == 2


async def test_a_package_that_the_host_failed_is_tried_again(house: Store) -> None:
    scanner = Counting()
    store = await house.open(scanner)
    package = house.gcodes / "part.ufp"
    with zipfile.ZipFile(package, "w") as archive:
        archive.writestr("/3D/model.gcode", b"G28\n")
    scanner.away = RewriteFailed("No space left on device", may_pass=True)
    assert await store.request_scan("part.ufp") is None
    scanner.away = None
    assert await store.request_scan("part.ufp") is None
    assert [file.name for file in house.gcodes.iterdir()] == ["part.gcode"]


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 not really", b"G28\n"])
async def test_what_is_no_package_stays(house: Store, content: bytes) -> None:
    store = await house.open()
    package = house.gcodes / ".upload"
    package.write_bytes(content)
    assert await store.unpack(package, "part.gcode") is None
    assert [file.name for file in house.gcodes.iterdir()] == [".upload"]


SUMMARY = {"filament used [mm]": "252.22", "estimated printing time (normal mode)": "3m 41s"}


@pytest.mark.parametrize("name", ["part.bgcode", "named.gcode"])
async def test_binary_gcode_is_read(house: Store, name: str) -> None:
    images = [(0, 48, 48, png(48, 48))]
    data = binary_gcode([b"G28\nG1 X1 E1\n"], {"layer_height": "0.2"}, SUMMARY, images)
    (house.gcodes / name).write_bytes(data)
    store = await house.open()
    found = await store.request_scan(name)
    assert found is not None
    assert (found["slicer"], found["estimated_time"], found["layer_height"]) == (
        "PrusaSlicer", 221, 0.2,
    )  # fmt: skip
    assert "gcode_start_byte" not in found
    written = images_of(store, name)
    assert written
    assert all((house.gcodes / image).is_file() for image in written)


async def test_broken_binary_gcode_has_a_reason(house: Store) -> None:
    data = bytearray(binary_gcode([b"G28\nG1 X1 E1\n"], {"layer_height": "0.2"}, SUMMARY))
    data[40] ^= 1
    (house.gcodes / "part.bgcode").write_bytes(data)
    store = await house.open()
    found = await store.request_scan("part.bgcode")
    assert found is not None
    assert (found["scan_state"], found["size"]) == ("failed", len(data))
    assert found["scan_reason"] == "the checksum of a block is wrong"


# The worker of an environment in which a module is installed.
RUN_WORKER = (
    "import sys; sys.path.insert(0, {!r}); import nurseries.files.scan.worker as w; w.main()"
)
SHORTENS = """
def process(source, target, options):
    if source.read(9) == b"; shorter":
        return False
    target.write(options["head"].encode())
    return True
"""


async def test_new_files_go_through_processors_first(
    house: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "modules").mkdir()
    (tmp_path / "modules" / "shortens.py").write_text(SHORTENS)
    scanner = Scanner(command=(sys.executable, "-c", RUN_WORKER.format(str(tmp_path / "modules"))))
    store = await house.open(scanner)
    store.processors.append(
        GcodeProcessor("shorter", "shortens:process", {"head": "; shorter\nG1 X1\n"})
    )
    real = house.put(WITH_IMAGES, "elsewhere.g")
    (house.gcodes / "a.gcode").symlink_to(real)
    record = await store.request_scan("a.gcode")
    assert record is not None
    assert record["size"] == real.stat().st_size == 16
    assert (house.gcodes / "a.gcode").is_symlink()
    other = house.put(WITH_IMAGES, "b.g")
    size = other.stat().st_size
    await store.request_scan("b.g")
    assert other.stat().st_size == size, "not a .gcode"


@pytest.mark.parametrize("reference", ["no_such_module:process", "os:getcwd", "os:no", "os"])
async def test_a_processor_that_fails_leaves_the_file_as_it_is(
    house: Store, reference: str
) -> None:
    store = await house.open()
    store.processors.append(GcodeProcessor("broken", reference))
    file = house.put(WITH_IMAGES, "a.gcode")
    before = file.read_bytes()
    record = await store.request_scan("a.gcode")
    assert record is not None
    assert record["slicer"] == "PrusaSlicer"
    assert file.read_bytes() == before
    assert not [path for path in house.gcodes.iterdir() if is_temporary(path.name)]


def arrived(file: Path, sha256: str | None) -> ArrivedFile:
    status = file.stat()
    return ArrivedFile(status.st_size, status.st_mtime, sha256)


async def test_the_digest_of_an_upload_is_kept_and_not_found_again(house: Store) -> None:
    file = house.put(WITH_IMAGES, "part.gcode")
    store = await house.open()
    # Not what is in the file: it is taken as it was received.
    found = await store.request_scan("part.gcode", arrived(file, "5ha"))
    assert found is not None
    assert found["sha256"] == "5ha"
    again = await house.open()
    assert (again.get("part.gcode") or {})["sha256"] == "5ha"
    await again.move("part.gcode", "moved.gcode")
    assert (again.get("moved.gcode") or {})["sha256"] == "5ha"


async def test_a_file_that_did_not_come_by_upload_has_no_digest(house: Store) -> None:
    file = house.put(WITH_IMAGES, "part.gcode")
    store = await house.open()
    found = await store.request_scan("part.gcode")
    assert found is not None
    assert "sha256" not in found
    # The watcher was first: what came is noted then.
    later = await store.request_scan("part.gcode", arrived(file, "5ha"))
    assert later is not None
    assert later["sha256"] == (store.get("part.gcode") or {})["sha256"] == "5ha"
    file.write_bytes(file.read_bytes() + b"\n")
    changed = await store.request_scan("part.gcode")
    assert changed is not None
    assert "sha256" not in changed


async def test_the_digest_of_a_file_that_was_changed_here_is_that_of_what_lies_there(
    house: Store,
) -> None:
    file = house.put(LABELLED, "part.gcode")
    before = file.read_bytes()
    store = await house.open(object_processing=True)
    found = await store.request_scan(
        "part.gcode", arrived(file, hashlib.sha256(before).hexdigest())
    )
    assert found is not None
    assert file.read_bytes() != before
    assert found["sha256"] == hashlib.sha256(file.read_bytes()).hexdigest()
    model = house.put(WITH_IMAGES, "model.gcode")
    made = await store.request_scan("model.gcode", arrived(model, None))
    assert made is not None
    assert made["sha256"] == hashlib.sha256(model.read_bytes()).hexdigest()


async def test_a_file_that_changes_while_it_is_read_has_no_digest(tmp_path: Path) -> None:
    file = tmp_path / "a.gcode"
    file.write_bytes(b"G28")
    seen = (3, file.stat().st_mtime)
    digest = await digest_of(file, ArrivedFile(3, 0.0, "5ha"), seen, Threads())
    assert digest == hashlib.sha256(b"G28").hexdigest()
    for path, size in ((file, 4), (tmp_path, 3), (tmp_path / "gone", 3)):
        now = (size, seen[1])
        assert await digest_of(path, ArrivedFile(3, 0.0, None), now, Threads()) is None


async def test_another_file_within_one_tick_is_another(house: Store) -> None:
    file = house.put(WITH_IMAGES, "part.gcode")
    store = await house.open()
    status = file.stat()
    await store.request_scan("part.gcode", arrived(file, "0ne"))
    other = file.read_bytes().replace(b"PrusaSlicer", b"SuperSlicer")
    file.write_bytes(other)
    os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert len(other) == status.st_size
    assert (await store.request_scan("part.gcode") or {})["sha256"] == "0ne"  # nobody can tell
    found = await store.request_scan("part.gcode", arrived(file, "7wo"))
    assert found is not None
    assert (found["sha256"], found["slicer"]) == ("7wo", "SuperSlicer")
