# SPDX-License-Identifier: ISC
"""Kubernetes' objects, held strictly against the models of Debian's python3-kubernetes, which are made from Kubernetes' OpenAPI document."""
import re
import sys

try:
    import kubernetes
except ImportError:
    sys.path.append("/usr/lib/python3/dist-packages")  # Debian's packages, where python3 is not Debian's own
import yaml
from kubernetes import client

KINDS = {("v1", "Namespace"): client.V1Namespace, ("v1", "ConfigMap"): client.V1ConfigMap, ("v1", "Service"): client.V1Service,
         ("apps/v1", "StatefulSet"): client.V1StatefulSet, ("policy/v1", "PodDisruptionBudget"): client.V1PodDisruptionBudget,
         ("networking.k8s.io/v1", "NetworkPolicy"): client.V1NetworkPolicy}
PLAIN = {"str": str, "int": int, "bool": bool}
# The models do not say what an IntOrString is: "object".
ANY = ("object",)


class Strict(yaml.SafeLoader):
    """Keys that stand twice are errors, as they are to Kubernetes."""


def mapping(loader, node):
    keys = [loader.construct_object(k) for k, _ in node.value]
    twice = [k for k in keys if keys.count(k) > 1]
    assert not twice, "%s: %s stands there twice" % (node.start_mark, twice[0])
    return loader.construct_mapping(node, deep=True)


Strict.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, mapping)


def objects_of(text):
    return [o for o in yaml.load_all(text, Strict) if o is not None]


def check_model(value, model, where):
    assert isinstance(value, dict), "%s: must be an object" % where
    fields = {json: python for python, json in model.attribute_map.items()}
    for key in value:
        assert key in fields, "%s: has no field %s" % (where, key)
    made = {fields[key]: check_value(v, model.openapi_types[fields[key]], "%s.%s" % (where, key)) for key, v in value.items()}
    try:
        return model(**made)  # which looks for what is required
    except ValueError as e:
        raise AssertionError("%s: %s" % (where, e)) from e


def check_value(value, kind, where):
    if kind in ANY:
        assert type(value) in (int, str), "%s: must be a number or a string" % where
    elif kind in PLAIN:
        assert type(value) is PLAIN[kind], "%s: must be of type %s" % (where, kind)
    elif kind.startswith("list["):
        assert isinstance(value, list), "%s: must be a list" % where
        return [check_value(v, kind[5:-1], "%s[%d]" % (where, n)) for n, v in enumerate(value)]
    elif kind.startswith("dict("):
        of = re.fullmatch(r"dict\(str, (.*)\)", kind)[1]
        assert isinstance(value, dict) and all(isinstance(k, str) for k in value), "%s: must be an object" % where
        return {k: check_value(v, of, "%s.%s" % (where, k)) for k, v in value.items()}
    else:
        return check_model(value, getattr(client, kind), where)
    return value


def check_object(o):
    """O is one of the kinds above, with no field that it does not have, none that it must have missing, and none of another type."""
    kind = (o.get("apiVersion"), o.get("kind"))
    assert kind in KINDS, "no such kind: %s %s" % kind
    check_model(o, KINDS[kind], "%s %s" % (o["kind"], o["metadata"]["name"]))
