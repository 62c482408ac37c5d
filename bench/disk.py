# SPDX-License-Identifier: ISC
"""A disk that takes so many writes a second and no more, as volumes in the cloud do: the kernel's own limit, for a cgroup (v1 blkio, v2 io; documentation: cgroup-v1/blkio-controller, cgroup-v2, io.max)."""
import contextlib
import os

WRITES = 3000  # a second: what AWS's gp3 volumes take, where nobody pays for more
ROW = "durable, %d writes a second" % WRITES
ROOT = "/sys/fs/cgroup"
NAME = "postern-bench"


def device_of(path):
    """MAJOR:MINOR of the whole disk that PATH is on: partitions have no limit."""
    dev = os.stat(path).st_dev
    node = os.path.realpath("/sys/dev/block/%d:%d" % (os.major(dev), os.minor(dev)))
    if os.path.exists(node + "/partition"):
        node = os.path.dirname(node)
    with open(node + "/dev") as f:
        return f.read().strip()


def write(path, text):
    with open(path, "w") as f:
        f.write(text)


class Limited:
    """Whoever was taken in writes to PATH's disk no more than so many times a second. OSError where the kernel or the disk has no such limit."""

    def __init__(self, path, writes):
        device = device_of(path)
        if os.path.isdir(ROOT + "/blkio"):
            self.group = "%s/blkio/%s" % (ROOT, NAME)
            limit = "blkio.throttle.write_iops_device", "%s %d" % (device, writes)
        else:
            self.group = "%s/%s" % (ROOT, NAME)
            limit = "io.max", "%s wiops=%d" % (device, writes)
            write(ROOT + "/cgroup.subtree_control", "+io")
        os.makedirs(self.group, exist_ok=True)
        try:
            write("%s/%s" % (self.group, limit[0]), limit[1])
        except OSError:
            os.rmdir(self.group)
            raise

    def take(self, pids):
        """These processes, and their children from now on."""
        for pid in pids:
            write(self.group + "/cgroup.procs", str(pid))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        with contextlib.suppress(OSError):
            os.rmdir(self.group)
