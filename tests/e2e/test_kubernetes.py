# SPDX-License-Identifier: ISC
"""examples/kubernetes: every field is one of Kubernetes', what is named is there, and both replicas run as their pods would have them."""
import contextlib
import copy
import glob
import json
import os
import re
import ssl
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request

import tap
from kubernetes_schema import check_object, objects_of
from servers import BINARY, CA, ROOT, Postern, wait_for

FILES = sorted(glob.glob(ROOT + "/examples/kubernetes/*.yaml"))
DRAIN_SECONDS = 35 + 10  # limits.drain_seconds, and what the end itself may take


def all_objects():
    return [o for path in FILES for o in objects_of(open(path).read())]


def the(kind, name="postern"):
    found = [o for o in all_objects() if (o["kind"], o["metadata"]["name"]) == (kind, name)]
    assert len(found) == 1, (kind, name)
    return found[0]


def test_each_field_is_known():
    objects = all_objects()
    for o in objects:
        check_object(o)
    assert {o["kind"] for o in objects} == {"Namespace", "ConfigMap", "StatefulSet", "Service", "PodDisruptionBudget", "NetworkPolicy"}


def at(o, path):
    for key in path:
        o = o[key]
    return o


def test_planted_errors_are_found():
    """What the test above would say of a misspelt field, a wrong type, something missing or in the wrong place."""
    pod, container = ("spec", "template", "spec"), ("spec", "template", "spec", "containers", 0)
    cases = [(container + ("securityContext",), "readOnlyRootFilesytem", True, "has no field readOnlyRootFilesytem"),
             (pod, "readOnlyRootFilesystem", True, "has no field readOnlyRootFilesystem"),
             (("spec",), "replicas", "2", "must be of type int"),
             (pod, "automountServiceAccountToken", "no", "must be of type bool"),
             (container, "args", "serve", "must be a list"),
             (container + ("env", 0), "value", 1, "must be of type str"),
             (container + ("readinessProbe", "httpGet"), "port", None, "must be a number or a string"),
             (("spec",), "selector", ..., "`selector`, must not be `None`"),
             (container, "name", ..., "`name`, must not be `None`"),
             ((), "apiVersion", "extensions/v1beta1", "no such kind")]
    for path, key, value, why in cases:
        o = copy.deepcopy(the("StatefulSet"))
        if value is ...:
            del at(o, path)[key]
        else:
            at(o, path)[key] = value
        try:
            check_object(o)
        except AssertionError as e:
            assert why in str(e), (key, e)
        else:
            raise AssertionError("not found: %s" % key)
    try:
        objects_of("a: 1\na: 2\n")
    except AssertionError as e:
        assert "twice" in str(e)
    else:
        raise AssertionError("not found: a key that stands twice")


def pod_of():
    spec = the("StatefulSet")["spec"]
    return spec, spec["template"]["spec"], spec["template"]["spec"]["containers"][0]


def test_names_lead_somewhere():
    spec, pod, container = pod_of()
    labels = spec["template"]["metadata"]["labels"]
    for selector in (spec["selector"]["matchLabels"], the("Service")["spec"]["selector"], the("Service", "postern-replicas")["spec"]["selector"],
                     the("PodDisruptionBudget")["spec"]["selector"]["matchLabels"], the("NetworkPolicy")["spec"]["podSelector"]["matchLabels"]):
        assert selector.items() <= labels.items(), selector
    assert {o["metadata"].get("namespace") for o in all_objects() if o["kind"] != "Namespace"} == {the("Namespace")["metadata"]["name"]}
    ports = {p["name"] for p in container["ports"]}
    named = [container[p]["httpGet"]["port"] for p in ("readinessProbe", "livenessProbe", "startupProbe")]
    named += [p["targetPort"] for s in ("postern", "postern-replicas") for p in the("Service", s)["spec"]["ports"]]
    named += [p["port"] for rule in the("NetworkPolicy")["spec"]["ingress"] for p in rule["ports"]]
    assert set(named) == ports, named
    assert the("Service", spec["serviceName"])["spec"]["clusterIP"] == "None"
    volumes = [v["name"] for v in pod["volumes"]] + [c["metadata"]["name"] for c in spec["volumeClaimTemplates"]]
    assert sorted(volumes) == sorted(m["name"] for m in container["volumeMounts"])
    paths = re.findall(r'"(/(?:etc/postern|var)/[^"]*)"', the("ConfigMap")["data"]["postern.conf"]) + [container["args"][-1]]
    for path in paths:
        assert any(path == m["mountPath"] or path.startswith(m["mountPath"] + "/") for m in container["volumeMounts"]), path
    assert pod["terminationGracePeriodSeconds"] > DRAIN_SECONDS + int(container["lifecycle"]["preStop"]["exec"]["command"][1])


def test_nothing_that_is_not_needed():
    """What Pod Security's "restricted" asks for, and more; and the way out leads to public addresses alone."""
    _, pod, container = pod_of()
    for security, want in ((pod["securityContext"], {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}),
                           (container["securityContext"], {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True,
                                                           "capabilities": {"drop": ["ALL"]}}),
                           (pod, {"automountServiceAccountToken": False})):
        assert want.items() <= security.items(), security
    assert pod["securityContext"]["runAsUser"] > 0
    assert pod["securityContext"]["runAsGroup"] == pod["securityContext"]["fsGroup"]
    policy = the("NetworkPolicy")["spec"]
    assert policy["policyTypes"] == ["Ingress", "Egress"]
    out = [(to.get("ipBlock", {}).get("cidr"), to.get("ipBlock", {}).get("except", []), [p["port"] for p in rule["ports"]])
           for rule in policy["egress"] for to in rule["to"]]
    everywhere = ["0.0.0.0/0", "2000::/3"]
    assert [o[0] for o in out] == [None, *everywhere, *everywhere], out
    assert [o[2] for o in out] == [[53, 53]] * 3 + [[443]] * 2, out
    for _, kept_out, _ in out[1], out[3]:
        assert {"169.254.0.0/16", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "127.0.0.0/8", "100.64.0.0/10"} <= set(kept_out)


class Volume:
    """A Secret's or a ConfigMap's files as the kubelet lays them: root's, by links, and the group's to read; exchanged at once."""

    def __init__(self, path, gid, mode):
        self.path, self.gid, self.mode, self.turn = path, gid, mode, 0
        os.makedirs(path, mode=0o755)

    def put(self, files):
        self.turn += 1
        place = "..%d" % self.turn
        os.mkdir("%s/%s" % (self.path, place))
        os.chmod("%s/%s" % (self.path, place), 0o755)
        for name, text in files.items():
            path = "%s/%s/%s" % (self.path, place, name)
            with open(path, "wb") as f:
                f.write(text if isinstance(text, bytes) else text.encode())
            os.chown(path, 0, self.gid)
            os.chmod(path, self.mode | 0o040)
        os.symlink(place, self.path + "/..new")
        os.rename(self.path + "/..new", self.path + "/..data")
        for name in files:
            if not os.path.lexists("%s/%s" % (self.path, name)):
                os.symlink("..data/" + name, "%s/%s" % (self.path, name))


class Cluster:
    """What the pods find: the manifest's volumes below DIR, and a certificate."""

    def __init__(self, d):
        self.dir, self.ca, self.conf = d, CA(), the("ConfigMap")["data"]
        spec, pod, container = pod_of()
        security = pod["securityContext"]
        self.uid, self.gid = security["runAsUser"], security["runAsGroup"]
        self.args = [a.replace("/etc/postern", d + "/POD/etc/postern") for a in container["args"]]
        self.probe = container["readinessProbe"]["httpGet"]["path"]
        os.chmod(d, 0o755)
        self.token, self.line = subprocess.run([BINARY, "keygen", "--token", "backend"], check=True, capture_output=True,
                                               text=True).stdout.splitlines()[:2]
        self.root_key = self.key("root")

    def key(self, name):
        path = "%s/%s.key" % (self.dir, name)
        subprocess.run([BINARY, "keygen", path], check=True, capture_output=True)
        with open(path, "rb") as f:
            return f.read()

    def lay(self, pod):
        """The volumes of a pod."""
        at = "%s/%s" % (self.dir, pod)
        config = self.conf["postern.conf"].replace('"/etc/postern', '"%s/etc/postern' % at).replace('"/var/log', '"%s/var/log' % at)
        config = config.replace("0.0.0.0:8443", "127.0.0.1:0")
        volumes = {n: Volume(at + "/etc/postern/" + n, self.gid, mode) for n, mode in (("config", 0o644), ("root-keys", 0o400), ("tls", 0o400))}
        volumes["config"].put(dict(self.conf, **{"postern.conf": config, "callers": self.line + "\n"}))
        volumes["root-keys"].put({"2026.key": self.root_key})
        cert, key = self.ca.issue("127.0.0.1")
        volumes["tls"].put({"tls.crt": open(cert).read(), "tls.key": open(key).read()})
        # subPathExpr: a file, bound there by itself
        with open(at + "/etc/postern/checkpoint.key", "wb") as f:
            f.write(self.key(pod))
        os.chown(f.name, 0, self.gid)
        os.chmod(f.name, 0o440)
        log = at + "/var/log/postern"
        os.makedirs(log)
        os.chown(log, 0, self.gid)
        os.chmod(log, 0o2775)
        return volumes


class Pod(Postern):
    def __init__(self, cluster, name):
        self.cluster, self.name, self.volumes = cluster, name, cluster.lay(name)
        self.wrapper = (sys.executable, ROOT + "/tests/e2e/contained.py", "/", str(cluster.uid), str(cluster.gid))
        self.config = cluster.args[-1].replace("POD", name)
        assert cluster.args[:2] == ["serve", "--config"]
        super().__init__(config=self.config, token=cluster.token, audit_dir="%s/%s/var/log/postern/audit" % (cluster.dir, name),
                         env={"POD_NAME": name})

    def fetch(self, path, body=None):
        """(status, answer); the certificate is not looked at, as a kubelet's probe does not."""
        context = ssl._create_unverified_context()
        headers = {"Authorization": "Bearer " + self.token, "Content-Type": "application/json"}
        request = urllib.request.Request(self.url + path, json.dumps(body).encode() if body else None, headers if body else {})
        try:
            with urllib.request.urlopen(request, context=context, timeout=20) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as e:
            with e:
                return e.code, json.load(e)

    def wait_until_ready(self):
        wait_for(lambda: self.fetch(self.cluster.probe)[0] == 200, 20)


@contextlib.contextmanager
def cluster():
    if os.geteuid() != 0:
        raise tap.Skip("needs root to be another user")
    with tempfile.TemporaryDirectory() as d:
        c = Cluster(d)
        try:
            yield c
        finally:
            c.ca.close()


@contextlib.contextmanager
def pod(c, name):
    p = Pod(c, name)
    try:
        yield p
    finally:
        p.stop()


def test_both_run_as_their_pods():
    """Not root, no capability, a runtime's own seccomp profile, Secrets by the group: they serve, each has its own log, one opens the other's handles."""
    with cluster() as c, pod(c, "postern-0") as a, pod(c, "postern-1") as b:
        made = a.fetch("/make_integration", {"provider": "powerdns", "verify": False, "credentials": {"url": "https://pdns.example", "api_key": "k"}})
        assert made[0] == 200, made
        opened = b.fetch("/inspect_handle", {"handle": made[1]["integration_handle"]})
        assert opened[0] == 200 and opened[1]["provider"] == "powerdns", opened
        for p, event in ((a, "make_integration.outcome"), (b, "inspect_handle.outcome")):
            said = open(p.audit_dir + "/checkpoints").read()
            assert "postern.example/%s\n" % p.name in said, said
            with open("/proc/%d/status" % p.pids()["postern-vault"]) as f:
                status = f.read()
            assert re.search(r"Uid:\t%d\t" % c.uid, status) and re.search(r"CapEff:\t0+\n", status) and re.search(r"CapBnd:\t0+\n", status), status
            assert "sandbox" not in p.stderr_text(), p.stderr_text()
        events = [{l["event"] for l in p.audit()} for p in (a, b)]
        assert "make_integration.outcome" in events[0] - events[1], events


def test_secrets_exchanged():
    """The kubelet exchanges the files behind the links; SIGHUP has them read."""
    with cluster() as c, pod(c, "postern-0") as p:
        cert, key = c.ca.issue("127.0.0.1")
        p.volumes["tls"].put({"tls.crt": open(cert).read(), "tls.key": open(key).read()})
        p.process.send_signal(1)
        new = ssl.PEM_cert_to_DER_cert(open(cert).read())
        wait_for(lambda: ssl.PEM_cert_to_DER_cert(ssl.get_server_certificate((p.host, p.port))) == new)


if __name__ == "__main__":
    tap.main(globals())
