"""A file system of its own for an engine's data, in a sparse file, so that it can be full: needs root and loop devices.
It has no journal: a machine that dies takes the whole cluster along."""

import contextlib
import errno
import os
import pathlib
import tempfile

from cluster.command import run, works
from cluster.trouble import Trouble

CACHE_PERCENT = 1


def are_possible() -> bool:
    """Whether one can be made and mounted: a container may have the devices and not the right."""
    if os.geteuid() != 0 or not pathlib.Path("/dev/loop-control").exists() or not works("losetup", "--find"):
        return False
    with tempfile.TemporaryDirectory(prefix="ratebook-disk-") as temporary:
        folder = pathlib.Path(temporary, "probe")
        folder.mkdir()
        try:
            make(folder, 1 << 20)
            remove(folder)
        except Trouble:
            return False
    return True


def image_of(folder: pathlib.Path) -> pathlib.Path:
    return folder.with_suffix(".img")


def make(folder: pathlib.Path, bytes_total: int) -> None:
    image = image_of(folder)
    with open(image, "xb") as file:
        file.truncate(bytes_total)
    run("mkfs.ext4", "-q", "-m", "0", "-O", "^has_journal", "-E", "lazy_itable_init=1,nodiscard", image)
    # What is written goes past the machine's page cache: it would be kept twice, and a sync would write it twice.
    device = run("losetup", "--find", "--show", "--direct-io=on", image).strip()
    try:
        run("mount", "-o", "noatime", device, folder)
        bound_cache(device, CACHE_PERCENT)
    finally:
        # It goes with its mount.
        run("losetup", "--detach", device)


def bound_cache(device: str, percent: int) -> None:
    """How much of the machine's room for pages that are not yet written the disk may have. Without a bound the kernel
    keeps them for 30 s and then writes a hundred megabytes at once, which every sync waits for. A loop device keeps its
    bound when the disk is gone: remove() takes it back."""
    numbers = os.stat(device).st_rdev
    bound = pathlib.Path(f"/sys/class/bdi/{os.major(numbers)}:{os.minor(numbers)}/max_ratio")
    # A container may not set it.
    with contextlib.suppress(OSError):
        bound.write_text(str(percent))


def remove(folder: pathlib.Path) -> None:
    if os.path.ismount(folder):
        for line in run("losetup", "--associated", image_of(folder)).splitlines():
            bound_cache(line.partition(":")[0], 100)
        run("umount", folder)
    if image_of(folder).exists():
        # Of a start that was killed before it was detached; one that goes with its mount may be going just now.
        for line in run("losetup", "--associated", image_of(folder)).splitlines():
            works("losetup", "--detach", line.partition(":")[0])


def filler(folder: pathlib.Path) -> pathlib.Path:
    return folder / "filler"


def fill(folder: pathlib.Path) -> None:
    """Until not a byte is left; what is set aside is not written, and costs no room outside."""
    with open(filler(folder), "ab") as file, contextlib.suppress(BlockingIOError):
        step = 1 << 30
        while step:
            size = os.fstat(file.fileno()).st_size
            try:
                os.posix_fallocate(file.fileno(), size, step)
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise
                step >>= 2


def free(folder: pathlib.Path) -> None:
    filler(folder).unlink(missing_ok=True)
