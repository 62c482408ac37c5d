# SPDX-License-Identifier: ISC
"""OAuth 2 through the whole gateway, with an authorization server that is not ours."""
import contextlib
import json
import os
import signal
import urllib.parse

import tap
from common import add, added, gateway_of, refused, remove, together
from oauth_server import CLIENT, REDIRECT, SECRET, DigitalOcean
from openapi import check_answers
from servers import exchange, wait_for

check_answers()

NAME = "_acme-challenge.%s." + DigitalOcean.ZONE


@contextlib.contextmanager
def setup(secret=SECRET, client=CLIENT, more=""):
    """(provider, gateway); in the end no secret is to be found in what the gateway wrote."""
    with DigitalOcean() as ocean:
        section = more + ('\nprovider "digitalocean" {{ base = "{u}/v2" login = "{u}" authorize = "{u}/v1/oauth/authorize" '
                   'client_id = "{c}" client_secret_file = "{{d}}/secret" }}').format(u=ocean.url, c=client)
        with gateway_of(section, secret=secret) as g:
            yield ocean, g
            text = g.stderr_text() + json.dumps(g.audit())
            verifiers = [f["code_verifier"] for f in ocean.forms if "code_verifier" in f]
            for canary in ["canary", *verifiers]:
                assert canary not in text, canary


def begin(g, customer="c1", redirect=REDIRECT):
    status, answer = g.post("/begin_integration", {"provider": "digitalocean", "customer": customer,
                                                   "redirect_uri": redirect})
    assert status == 200, (status, answer)
    return answer["setup_handle"], answer["authorize_url"]


def finish(g, setup_handle, code, state, customer="c1"):
    return g.post("/make_integration", {"provider": "digitalocean", "customer": customer,
                                        "setup_handle": setup_handle, "credentials": {"code": code, "state": state}})


def connect(ocean, g, customer="c1"):
    """The whole way, to an integration handle."""
    setup_handle, url = begin(g, customer)
    _, query = ocean.authorize(url)
    status, answer = finish(g, setup_handle, query["code"], query["state"], customer)
    assert status == 200, (status, answer)
    assert "canary" not in json.dumps(answer)
    return answer["integration_handle"]


def zones(g, handle, customer="c1"):
    return g.post("/get_zones", {"integration_handle": handle, "customer": customer})


def test_the_whole_flow():
    with setup() as (ocean, g):
        setup_handle, url = begin(g)
        asked = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(url).query))
        assert url.startswith(ocean.url + "/v1/oauth/authorize?")
        assert (asked["client_id"], asked["redirect_uri"], asked["response_type"]) == (CLIENT, REDIRECT, "code")
        assert asked["code_challenge_method"] == "S256" and len(asked["code_challenge"]) == 43
        assert len(asked["state"]) >= 22 and "domain:" in asked["scope"]
        back, query = ocean.authorize(url)
        assert back == REDIRECT and query["state"] == asked["state"]
        status, answer = finish(g, setup_handle, **query)
        assert status == 200 and [z["name"] for z in answer["zones"]] == [DigitalOcean.ZONE], answer
        handle = answer["integration_handle"]
        records = [added(g, handle, NAME % "a", value, customer="c1") for value in ("one", "two")]
        assert sorted(r["data"] for r in ocean.records.values()) == ["one", "two"]
        for record in records:
            assert remove(g, handle, record, customer="c1") == (200, {"removed": True})
            assert remove(g, handle, record, customer="c1") == (200, {"removed": False})
        assert not ocean.records and ocean.grants_seen == ["authorization_code"]


def test_pkce_is_enforced():
    """By the server: a code alone is worth nothing, even with the client's secret. Our verifier is the one it wants."""
    with setup() as (ocean, g):
        setup_handle, url = begin(g)
        _, query = ocean.authorize(url)
        form = {"grant_type": "authorization_code", "code": query["code"], "redirect_uri": REDIRECT,
                "client_id": CLIENT, "client_secret": SECRET}
        for more in {}, {"code_verifier": "x" * 43}:
            status, body, _ = exchange(ocean.url, "POST", "/v1/oauth/token", urllib.parse.urlencode(dict(form, **more)),
                                       {"Content-Type": "application/x-www-form-urlencoded"})
            assert status == 400, (status, body)
        assert finish(g, setup_handle, **query)[0] == 200


def test_wrong_state():
    with setup() as (ocean, g):
        (first, url), (_, other_url) = begin(g), begin(g)
        _, query = ocean.authorize(url)
        _, other = ocean.authorize(other_url)
        for state in (other["state"], query["state"][:-1], query["state"] + "A", "x"):
            refused(finish(g, first, query["code"], state), 400, "invalid_request", "credentials.state")
        refused(finish(g, first, query["code"], ""), 400, "invalid_request")
        assert not ocean.grants_seen, "no code was sent anywhere"
        assert finish(g, first, **query)[0] == 200


def test_another_customer():
    """A set-up is its customer's, and so is the code."""
    with setup() as (ocean, g):
        (mine, my_url), (theirs, _) = begin(g, "c1"), begin(g, "c2")
        _, query = ocean.authorize(my_url)
        refused(finish(g, mine, customer="c2", **query), 422, "handle_invalid", "setup_handle")
        refused(finish(g, theirs, customer="c2", **query), 400, "invalid_request", "credentials.state")
        assert not ocean.grants_seen


def test_redirect_uri():
    with setup() as (ocean, g):
        for uri in ("http://app.example/", "https://app.example/#x", "javascript:alert(1)", "app.example", ""):
            answer = g.post("/begin_integration", {"provider": "digitalocean", "customer": "c", "redirect_uri": uri})
            refused(answer, 400, "invalid_request", "redirect_uri")
        refused(g.post("/begin_integration", {"provider": "digitalocean", "customer": "c"}), 400, "invalid_request",
                "redirect_uri")
        # The code was given out for one URI, the set-up is for another: the server refuses.
        (setup_handle, url), (_, other) = begin(g), begin(g, redirect=REDIRECT + "&other")
        state = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(url).query))["state"]
        _, query = ocean.authorize(other)
        refused(finish(g, setup_handle, query["code"], state), 422, "provider_auth_failed")
        # One that is not registered.
        _, url = begin(g, redirect="https://evil.example/")
        try:
            ocean.authorize(url)
        except AssertionError:
            pass
        else:
            raise AssertionError("the server sends a browser anywhere")


def test_used_and_expired_codes():
    with setup() as (ocean, g):
        setup_handle, url = begin(g)
        _, query = ocean.authorize(url)
        assert finish(g, setup_handle, **query)[0] == 200
        refused(finish(g, setup_handle, **query), 422, "handle_invalid", "setup_handle")
        # The code in another set-up: its verifier is another.
        again, url = begin(g)
        state = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(url).query))["state"]
        answer = refused(finish(g, again, query["code"], state), 422, "provider_auth_failed")
        assert "invalid_grant" in answer["detail"] and "canary" not in json.dumps(answer)
        # One that the server has forgotten meanwhile.
        setup_handle, url = begin(g)
        _, query = ocean.authorize(url)
        ocean.oauth.codes.clear()
        refused(finish(g, setup_handle, **query), 422, "provider_auth_failed")


def test_wrong_secret():
    with setup("another-canary") as (ocean, g):
        setup_handle, url = begin(g)
        _, query = ocean.authorize(url)
        answer = refused(finish(g, setup_handle, **query), 502, "provider_unavailable")
        assert "the gateway's own" in answer["detail"] and "invalid_client" in answer["detail"], answer


def test_a_secret_as_the_error():
    """The error's name is told to the caller; not when it is the secret."""
    secret = "canaryOFletters"
    with setup(secret) as (ocean, g):
        for error, told in ("bad_" + secret, "refused: bad_*"), (secret[:9], "refused: *"), ("nothing", ": nothing"):
            setup_handle, url = begin(g)
            _, query = ocean.authorize(url)
            ocean.override = 400, {"Content-Type": "application/json"}, json.dumps({"error": error}).encode()
            answer = refused(finish(g, setup_handle, **query), 422, "provider_auth_failed")
            assert told in answer["detail"] and "canary" not in json.dumps(answer), answer


def rotated(g, handle, name="r", customer="c1"):
    """An add that must bring a fresh handle with it."""
    status, answer = add(g, handle, NAME % name, "v", customer=customer)
    assert status == 200 and answer["integration_handle"] != handle, (status, answer)
    assert "canary" not in json.dumps(answer)
    return answer["integration_handle"]


def test_refresh_with_rotation():
    with setup() as (ocean, g):
        handle = connect(ocean, g)
        ocean.revoke()  # as if they had expired
        fresh = rotated(g, handle)
        assert ocean.grants_seen == ["authorization_code", "refresh_token"]
        status, answer = zones(g, fresh)
        assert status == 200 and answer.get("integration_handle", fresh) == fresh, answer
        # The old one still works while the gateway remembers, and says each time what to store.
        status, answer = zones(g, handle)
        assert status == 200 and answer["integration_handle"], answer
        assert ocean.grants_seen == ["authorization_code", "refresh_token"]
        assert zones(g, answer["integration_handle"])[0] == 200
        # It is the same integration: records of the old handle are the fresh one's.
        record = added(g, fresh, NAME % "more", "v", customer="c1")
        assert remove(g, fresh, record, customer="c1") == (200, {"removed": True})


def test_old_handle_after_a_restart():
    """A gateway that remembers nothing, and the old handle: the failure says to use the newer one."""
    with setup() as (ocean, g):
        handle = connect(ocean, g)
        ocean.revoke()
        fresh = rotated(g, handle)
        ocean.revoke()
        g.restart()
        answer = refused(zones(g, handle), 422, "provider_auth_failed")
        assert "newer integration_handle" in answer["detail"], answer
        assert zones(g, fresh)[0] == 200


def test_nobody_waits_for_the_renewal():
    """The call is over before the login server answers: what it gave is not lost, for the old token is spent."""
    for late in 0.5, 4:  # beyond the call's own time; and beyond all that the vault waits
        with setup(more="limits { call_seconds = 2 }") as (ocean, g):
            handle = connect(ocean, g)
            ocean.revoke()
            ocean.late = 2 + late
            refused(zones(g, handle), 504, "provider_timeout")
            ocean.late = 0
            wait_for(lambda: ocean.answered == ["authorization_code", "refresh_token"])
            answer = wait_for(lambda: (lambda a: a[0] == 200 and a[1])(zones(g, handle)))
            assert answer["integration_handle"] != handle
            ocean.revoke()
            status, answer = zones(g, answer["integration_handle"])
            assert status == 200, answer


def test_refused_again_in_the_same_call():
    """A later exchange of the call is refused too: the newest refresh token is sent, once, and none twice."""
    with setup() as (ocean, g):
        handle = connect(ocean, g)
        for refusals in 1, 2, 50:
            ocean.revoke()
            ocean.refuse = refusals
            before = len(ocean.forms)
            status, answer = add(g, handle, NAME % ("again%d" % refusals), "v", customer="c1")
            ocean.refuse = 0
            sent = [f["refresh_token"] for f in ocean.forms[before:]]
            assert 1 <= len(sent) <= 2 and len(set(sent)) == len(sent), (refusals, sent)
            handle = answer["integration_handle"]
            assert zones(g, handle)[0] == 200


def test_a_code_whose_call_was_lost():
    """The vault falls while a code is traded. Trying again, as the answer says, gets what it was traded for."""
    with setup() as (ocean, g):
        setup_handle, url = begin(g)
        _, query = ocean.authorize(url)
        ocean.late = 2
        pids = g.pids()

        def fall(i):
            wait_for(lambda: ocean.forms)
            os.kill(pids["postern-vault"], signal.SIGKILL)

        first, _ = together(lambda i: fall(i) if i else finish(g, setup_handle, **query), range(2))
        assert first[0] in (502, 503), first
        wait_for(lambda: ocean.answered)
        wait_for(lambda: g.get("/readyz")[0] == 200)
        status, answer = finish(g, setup_handle, **query)
        assert status == 200, answer
        assert g.pids()["postern-courier"] == pids["postern-courier"] and ocean.grants_seen == ["authorization_code"]


def test_reload():
    """A new client, by SIGHUP: for the customer's browser and for the courier."""
    with setup("old-canary", client="old-client") as (ocean, g):
        with open(g.dir + "/postern.conf") as f:
            text = f.read()
        with open(g.dir + "/postern.conf", "w") as f:
            f.write(text.replace("old-client", CLIENT))
        with open(g.dir + "/secret", "w") as f:
            f.write(SECRET)
        g.reload()
        connect(ocean, g)


def test_before_it_expires():
    """A token that is about to expire is renewed first; one that lives for a moment is good for those who waited."""
    with setup() as (ocean, g):
        ocean.live(authorization_code=30)
        handle = connect(ocean, g)
        assert ocean.grants_seen == ["authorization_code", "refresh_token"], "it would be too old at once"
        g.restart()
        renewed = ocean.grants_seen.count("refresh_token")
        assert zones(g, handle)[0] == 200
        assert ocean.grants_seen.count("refresh_token") - renewed <= 1
        for life in 1, 0, 59, 61:
            ocean.live(refresh_token=life)
            ocean.revoke()
            before = len(ocean.grants_seen)
            status, answer = zones(g, handle)
            assert status == 200, (life, answer)
            assert 1 <= len(ocean.grants_seen) - before <= 3, (life, ocean.grants_seen)
            handle = answer["integration_handle"]


def test_together_at_expiry():
    """However many calls find the token expired, the refresh token is sent once."""
    with setup() as (ocean, g):
        for many in 2, 32:
            handle = connect(ocean, g)
            ocean.revoke()
            before = ocean.grants_seen.count("refresh_token")
            answers = together(lambda i: zones(g, handle), range(many), workers=many)
            assert all(status == 200 for status, _ in answers), answers
            assert ocean.grants_seen.count("refresh_token") - before == 1
            fresh = {a["integration_handle"] for _, a in answers if "integration_handle" in a}
            assert fresh and all(zones(g, f)[0] == 200 for f in fresh)


def test_revoked():
    with setup() as (ocean, g):
        handle, other = connect(ocean, g), connect(ocean, g, "c2")
        ocean.revoke(refresh=True)
        for _ in range(2):
            answer = refused(zones(g, handle), 422, "provider_auth_failed")
            assert "canary" not in json.dumps(answer)
        refused(add(g, handle, NAME % "x", "v", customer="c1"), 422, "provider_auth_failed")
        refused(zones(g, other, "c2"), 422, "provider_auth_failed")
        assert not ocean.records
        assert zones(g, connect(ocean, g))[0] == 200, "he may connect again"


def test_a_server_that_misbehaves():
    page = {"Content-Type": "application/json"}
    cases = [((500, page, b"oops"), 502, "provider_unavailable"),
             ((200, page, b"<html>"), 502, "provider_unavailable"),
             ((200, page, b"{}"), 502, "provider_unavailable"),
             ((200, page, b'{"access_token": {}}'), 502, "provider_unavailable"),
             ((200, page, b'{"access_token": "access-canary\\r\\nX: y", "refresh_token": "r"}'), None, None),
             ((200, page, b'{"error": "invalid_grant"}'), 422, "provider_auth_failed"),
             ((400, page, b'{"error": "refresh-canary was wrong", "error_description": "client-canary-secret"}'), 422,
              "provider_auth_failed"),
             ((429, page, b"{}"), 429, "provider_rate_limited"),
             ((400, page, b'{"error": "temporarily_unavailable"}'), 502, "provider_unavailable"),
             ((401, page, b'{"error": "invalid_client"}'), 502, "provider_unavailable"),
             ((302, {"Location": "https://evil.example/"}, b""), 502, "provider_unavailable")]
    with setup() as (ocean, g):
        handle = connect(ocean, g)
        for override, status, code in cases:
            ocean.revoke()
            ocean.override = override
            got, answer = zones(g, handle)
            assert "canary" not in json.dumps(answer), answer
            assert got != 200 and (code is None or (got, answer["code"]) == (status, code)), (override, got, answer)
            ocean.override = None
        for behaviour in "reset", "garbage":
            ocean.behave(behaviour, "/v1/oauth/token")
            got, answer = zones(g, handle)
            assert got >= 500, (behaviour, got, answer)
            ocean.behave("ok")
        answer = zones(g, handle)
        assert answer[0] == 200, ("and now it is well again", answer)


if __name__ == "__main__":
    tap.main(globals())
