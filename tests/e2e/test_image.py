# SPDX-License-Identifier: ISC
"""The container image: made from the Dockerfile by scripts/image, run with a root file system that nobody can write to, and not as root.

Needs root, debootstrap and a Debian mirror, and takes minutes. POSTERN_IMAGE: an archive that was made before.
"""
import contextlib
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile

import tap
from common import NO_LIMITS
from servers import BINARY, ROOT, Postern, exchange, has_symbol

CONF = """
listen = {"127.0.0.1:0"}
sandbox = "require"
audit_dir = "/var/log/postern/audit"
callers = "/etc/postern/callers"
root_key "a" { file = "/etc/postern/a.key" }
audit { origin = "image.example" checkpoint_keys = {"/etc/postern/checkpoint.key"} }
"""
# The image at $0, the volumes beside it; then the program. The image is mounted anew, for no writing.
MOUNTS = """
mount --bind "$0/root" "$0/root" && mount -o remount,bind,ro,nosuid,nodev "$0/root" &&
mount --bind "$0/etc" "$0/root/etc/postern" && mount -o remount,bind,ro "$0/root/etc/postern" &&
mount --bind "$0/log" "$0/root/var/log/postern" &&
mount -t proc proc "$0/root/proc" && mount -t tmpfs tmpfs "$0/root/dev" && touch "$0/root/dev/null" &&
mount --bind /dev/null "$0/root/dev/null" && mount -o remount,ro "$0/root/dev" && exec "$@"
"""

image = {}


def make(path):
    done = subprocess.run([ROOT + "/scripts/image", path], stdin=subprocess.DEVNULL, stderr=subprocess.STDOUT, stdout=subprocess.PIPE,
                          text=True, errors="replace")
    if done.returncode and re.search(r"Failed getting release file|Couldn't download|Temporary failure resolving", done.stdout):
        raise tap.Skip("the Debian mirror cannot be reached")
    assert done.returncode == 0, done.stdout[-3000:]
    return path


def built():
    """Made once, for all tests: the archive's parts."""
    if image:
        return image
    if has_symbol("__asan_init"):
        raise tap.Skip("the image has a build of its own; once is enough")
    if os.geteuid() != 0 or not shutil.which("debootstrap", path=os.environ["PATH"] + ":/usr/sbin"):
        raise tap.Skip("needs root and debootstrap")
    image["dir"] = tempfile.TemporaryDirectory(prefix="postern-image-test-")
    d = image["dir"].name
    os.chmod(d, 0o755)
    path = os.environ.get("POSTERN_IMAGE") or make(d + "/image.tar")
    with tarfile.open(path) as archive:
        image["names"] = archive.getnames()
        image["manifest"] = json.load(archive.extractfile("manifest.json"))[0]
        image["config text"] = archive.extractfile(image["manifest"]["Config"]).read()
        archive.extract(image["manifest"]["Layers"][0], d)
    image["layer"] = "%s/%s" % (d, image["manifest"]["Layers"][0])
    image["config"] = json.loads(image["config text"])
    os.mkdir(d + "/root")
    subprocess.run(["tar", "-C", d + "/root", "-xpf", image["layer"]], check=True)
    return image


def test_archive():
    """Each part is what its name, a digest, says."""
    im = built()
    assert im["manifest"]["Config"] == hashlib.sha256(im["config text"]).hexdigest() + ".json"
    with open(im["layer"], "rb") as f:
        digest = hashlib.file_digest(f, "sha256").hexdigest()
    assert im["manifest"]["Layers"] == [digest + ".tar"] and im["config"]["rootfs"]["diff_ids"] == ["sha256:" + digest]
    assert im["manifest"]["RepoTags"][0].startswith("postern:")
    config = im["config"]["config"]
    assert config["User"] == "65532:65532" and config["Entrypoint"] == ["/usr/sbin/postern"] and config["Cmd"][0] == "serve", config


def test_contents():
    """No compiler, no source; what has more rights than its user is Debian's own; and one place is the user's."""
    root = built()["dir"].name + "/root"
    for gone in ("/usr/bin/gcc", "/usr/bin/ninja", "/src", "/usr/bin/python3"):
        assert not os.path.lexists(root + gone), gone
    owned = subprocess.run(["find", root, "-xdev", "-uid", "65532"], check=True, capture_output=True, text=True).stdout.split()
    assert owned == [root + "/var/log/postern"], owned
    writable = subprocess.run(["find", root, "-xdev", "-perm", "-o+w", "!", "-type", "l", "!", "-perm", "-1000"], check=True,
                              capture_output=True, text=True).stdout.split()
    assert not writable, writable


class Contained(Postern):
    def __init__(self, im, token):
        self.image = im
        super().__init__(config="the image's", token=token, audit_dir=im["dir"].name + "/log/audit",
                         env={"PATH": os.environ["PATH"] + ":/usr/sbin"})

    def command(self, args):
        """The image's own."""
        d, config = self.image["dir"].name, self.image["config"]["config"]
        return ["unshare", "--mount", "--propagation", "private", "sh", "-c", MOUNTS, d, sys.executable, ROOT + "/tests/e2e/contained.py",
                d + "/root", *config["User"].split(":"), *config["Entrypoint"], *config["Cmd"]]


@contextlib.contextmanager
def running(im):
    d = im["dir"].name
    for name in ("etc", "log"):
        os.makedirs("%s/%s" % (d, name))
    os.chown(d + "/log", 65532, 65532)
    token, line = subprocess.run([BINARY, "keygen", "--token", "backend"], check=True, capture_output=True, text=True).stdout.splitlines()[:2]
    for name in ("a", "checkpoint"):
        subprocess.run([BINARY, "keygen", "%s/etc/%s.key" % (d, name)], check=True, capture_output=True)
        os.chown("%s/etc/%s.key" % (d, name), 65532, 65532)
    for name, text in (("callers", line + "\n"), ("postern.conf", CONF + NO_LIMITS)):
        with open("%s/etc/%s" % (d, name), "w") as f:
            f.write(text)
    g = Contained(im, token)
    try:
        yield g
    finally:
        g.stop()


def test_it_serves():
    """As the image says, with "require" for the sandbox: a handle is made and opened, and the log is as it was signed."""
    im = built()
    with running(im) as g:
        assert exchange(g.url, "GET", "/healthz")[0] == 200
        status, answer = g.post("/make_integration", {"provider": "powerdns", "verify": False,
                                                      "credentials": {"url": "https://pdns.example", "api_key": "k"}})
        assert status == 200, answer
        status, answer = g.post("/inspect_handle", {"handle": answer["integration_handle"]})
        assert (status, answer["provider"]) == (200, "powerdns"), answer
        with open("/proc/%d/status" % g.pid) as f:
            assert re.search(r"Uid:\t65532\t65532", f.read())
        assert os.readlink("/proc/%d/root" % g.pid).endswith("/root")
        assert len(g.pids()) == 5, g.pids()  # the others are started when they are needed
    assert [l["event"] for l in g.audit()][-1] == "gateway.stop"


if __name__ == "__main__":
    try:
        tap.main(globals())
    finally:
        if image.get("dir"):
            image["dir"].cleanup()
