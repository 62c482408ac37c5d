# SPDX-License-Identifier: ISC
"""docs/handles.md, read a second time: opens handles with Python's hmac and libsodium's secretbox alone."""
import base64
import ctypes
import hashlib
import hmac

_sodium = ctypes.CDLL("libsodium.so.23")
LABELS = {"pti1": ("integration", 0, [1, 2, 3, 4, 5, 6, 7, 8, 9]),
          "ptr1": ("record", 1, [1, 2, 3, 4, 5, *range(16, 26)]),
          "pts1": ("setup", 2, [1, 2, 3, 4, 5, 6, *range(32, 37)])}
(KEY_ID, CUSTOMER, INTEGRATION, PROVIDER, CREATED, EXPIRES, ZONES, POLICY, CREDENTIALS) = range(1, 10)
(ZONE, ZONE_ID, FQDN, TYPE, VALUE, MODE, RECORD_ID, FOUND, LOG_INDEX, LEAF) = range(16, 26)
(WAY, STATE, VERIFIER, REDIRECT_URI, EXTERNAL_ID) = range(32, 37)


def hkdf(secret, info, n):
    """RFC 5869 with SHA-256 and no salt, of at most 32 bytes."""
    prk = hmac.digest(bytes(32), secret, hashlib.sha256)
    return hmac.digest(prk, info + b"\1", hashlib.sha256)[:n]


def secretbox_open(box, nonce, key):
    plain = ctypes.create_string_buffer(len(box) - 16)
    if _sodium.crypto_secretbox_open_easy(plain, box, ctypes.c_ulonglong(len(box)), nonce, key) != 0:
        raise ValueError("does not open")
    return plain.raw


def elements(data):
    """What lies behind lengths of four bytes."""
    out = []
    while data:
        n = int.from_bytes(data[:4], "big")
        assert len(data) >= 4 + n
        out.append(data[4:4 + n])
        data = data[4 + n:]
    return out


def read(text, secret, customer=b""):
    """{number: bytes} of a handle."""
    prefix, _, rest = text.partition("_")
    label, kind, numbers = LABELS[prefix]
    raw = base64.b64decode(rest + "=" * (-len(rest) % 4), altchars=b"-_", validate=True)
    key_id, nonce, box = raw[:4], raw[4:28], raw[28:]
    assert key_id == hkdf(secret, b"postern/v1/key-id", 4)
    info = b"postern/v1/" + label.encode() + b"\0" + key_id + len(customer).to_bytes(2, "big") + customer
    plain = secretbox_open(box, nonce, hkdf(secret, info, 32))
    assert len(plain) % 64 == 0
    plain = plain.rstrip(b"\0")
    assert plain[:2] == bytes([1, kind]) and plain[-1] == 0x80
    plain, fields = plain[2:-1], {}
    while plain:
        n = int.from_bytes(plain[1:5], "big")
        fields[plain[0]] = plain[5:5 + n]
        plain = plain[5 + n:]
    assert list(fields) == numbers, list(fields)
    assert (fields[KEY_ID], fields[CUSTOMER]) == (key_id, customer)
    return fields
