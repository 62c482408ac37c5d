# SPDX-License-Identifier: ISC
"""Trust that a customer gives by name: roles at AWS, service accounts at Google, an application at Azure."""
import contextlib
import json

import tap
from clouds import AWS, Azure, Google
from common import add, added, gateway_of, refused, remove, together
from dns_answers import NameServer
from openapi import check_answers
from servers import wait_for

check_answers()

@contextlib.contextmanager
def gateway_at(cloud, provider, base, own, more="", **files):
    """A gateway whose own account there is OWN; in the end no secret is to be found in what it wrote."""
    section = 'provider "%s" { base = "%s" login = "%s" %s }\n%s' % (provider, cloud.url + base, cloud.url, own, more)
    with gateway_of(section, **files) as g:
        yield g
        text = g.stderr_text() + json.dumps(g.audit())
        for canary in ("canary", "PRIVATE KEY", "session-", "token-"):
            assert canary not in text, canary


def at_aws(cloud, more=""):
    return gateway_at(cloud, "route53", "/2013-04-01",
                      'account_id = "210987654321" region = "eu-central-1" access_key_id = "AKIAGATEWAY" '
                      'secret_access_key_file = "{d}/aws"', more, aws="gateway-canary/secret+")


def at_google(cloud):
    return gateway_at(cloud, "googleclouddns", "/dns/v1", 'service_account_file = "{d}/google"',
                      google=json.dumps(cloud.account()))


def at_azure(cloud):
    return gateway_at(cloud, "azuredns", "", 'client_id = "app-1" client_secret_file = "{d}/azure"',
                      azure="azure-canary-secret")


TOKENS_MAX = 1024  # as in courier_login.c


def begin(g, provider, customer):
    status, answer = g.post("/begin_integration", {"provider": provider, "customer": customer})
    assert status == 200, (status, answer)
    return answer["setup_handle"], answer["instructions"]


def make(g, provider, customer, setup, **credentials):
    return g.post("/make_integration", {"provider": provider, "customer": customer, "setup_handle": setup,
                                        "credentials": credentials})


def made(*args, **kw):
    status, answer = make(*args, **kw)
    assert status == 200, (status, answer)
    assert not any(word in json.dumps(answer) for word in ("canary", "token-", "session-"))
    return answer["integration_handle"]


def add_and_remove(g, handle, customer, zone):
    """Two values at one name, side by side; one goes, then the other."""
    name = "_acme-challenge.www." + zone
    one, two = (added(g, handle, name, v, customer=customer) for v in ("one", "two"))
    assert remove(g, handle, one, customer=customer) == (200, {"removed": True})
    assert remove(g, handle, one, customer=customer) == (200, {"removed": False})
    assert remove(g, handle, two, customer=customer) == (200, {"removed": True})


ROLE, OTHERS = "arn:aws:iam::111111111111:role/postern-dns", "arn:aws:iam::222222222222:role/postern-dns"


def test_aws():
    with AWS({}) as aws, at_aws(aws) as g:
        setup, todo = begin(g, "route53", "c1")
        assert todo["account_id"] == "210987654321" and len(todo["external_id"]) == 64
        trust = json.loads(todo["trust_policy"])["Statement"][0]
        assert trust["Condition"]["StringEquals"]["sts:ExternalId"] == todo["external_id"]
        assert trust["Principal"]["AWS"] == "arn:aws:iam::210987654321:root"
        assert json.loads(todo["permissions_policy"])["Statement"] and "aws iam create-role" in todo["commands"]
        # The role is not there yet; the set-up can be tried again.
        refused(make(g, "route53", "c1", setup, role_arn=ROLE), 422, "provider_auth_failed")
        aws.roles[ROLE] = todo["external_id"]
        handle = made(g, "route53", "c1", setup, role_arn=ROLE)
        status, answer = g.post("/get_zones", {"integration_handle": handle, "customer": "c1"})
        assert status == 200 and [z["name"] for z in answer["zones"]] == [AWS.ZONE]
        add_and_remove(g, handle, "c1", AWS.ZONE)
        assert not aws.sets
        # The sessions are kept: one for reading, and one for each name and zone that changed.
        logins = len(aws.logins)
        add_and_remove(g, handle, "c1", AWS.ZONE)
        assert len(aws.logins) == logins, aws.logins
        policies = {form["Policy"] for form in aws.logins}
        assert any('"_acme-challenge.www.%s"' % AWS.ZONE in p for p in policies)
        assert all('"TXT"' not in p or '"NS"' not in p for p in policies), "a session for a TXT is none for a delegation"
        # A replace may take all our types away.
        added(g, handle, "_acme-challenge.re." + AWS.ZONE, "v", customer="c1")
        status, answer = add(g, handle, "_acme-challenge.re." + AWS.ZONE, "x.example", type="CNAME", mode="replace",
                             customer="c1")
        assert status == 200 and set(t for _, t in aws.sets) == {"CNAME"}, (answer, aws.sets)
        # He ends all sessions, but not his trust: the next call logs in again.
        aws.tokens.clear()
        added(g, handle, "_acme-challenge.www." + AWS.ZONE, "v", customer="c1")
        # What is wrong between AWS and the gateway is not the customer's doing.
        for i, (word, status, code) in enumerate([("Throttling", 429, "provider_rate_limited"),
                                                  ("InvalidClientTokenId", 502, "provider_unavailable")]):
            aws.throttle = word
            refused(add(g, handle, "_acme-challenge.t%d.%s" % (i, AWS.ZONE), "v", customer="c1"), status, code)
        aws.throttle = None
        # The customer takes his trust back.
        aws.roles.clear()
        aws.tokens.clear()
        refused(add(g, handle, "_acme-challenge." + AWS.ZONE, "x", customer="c1"), 422, "provider_auth_failed")


def test_aws_says_how_far_a_change_is():
    """check_record asks by the change's id, in the session for reading; who may not ask, or asks too late, hears of the servers alone."""
    with AWS({}) as aws, NameServer("127.0.0.1", 0) as dns, at_aws(aws, 'resolver { servers = {"127.0.0.1:%d"} }\n' % dns.port) as g:
        setup, todo = begin(g, "route53", "c1")
        aws.roles[ROLE] = todo["external_id"]
        handle = made(g, "route53", "c1", setup, role_arn=ROLE)
        record_handle = added(g, handle, "_acme-challenge.www." + AWS.ZONE, "v", customer="c1")
        assert list(aws.changes) == ["C1"]

        def said():
            """The zone has no servers here: the provider has the only word."""
            status, answer = g.post("/check_record", {"integration_handle": handle, "record_handle": record_handle, "customer": "c1"})
            assert status == 200 and (answer["visible"], answer["servers"]) == (False, []), (status, answer)
            return answer["provider"]

        assert said() == "pending"
        aws.changes["C1"] = "INSYNC"
        assert said() == "applied"
        aws.changes["C1"], aws.may_get_change = "PENDING", False
        assert said() == "applied"
        aws.may_get_change = True
        aws.changes.clear()
        assert said() == "applied"
        assert wait_for(lambda: {l["provider_record_id"] for l in g.audit() if l["event"] == "check_record.outcome"}, 5) == {"C1"}


def test_aws_confused_deputy():
    """B names A's role: AWS sees B's external id. And B cannot say what the external id is."""
    with AWS({}) as aws, at_aws(aws) as g:
        setup_a, todo_a = begin(g, "route53", "a")
        setup_b, todo_b = begin(g, "route53", "b")
        assert todo_a["external_id"] != todo_b["external_id"]
        aws.roles.update({ROLE: todo_a["external_id"], OTHERS: ""})
        refused(make(g, "route53", "b", setup_b, role_arn=ROLE), 422, "provider_auth_failed")
        refused(make(g, "route53", "b", setup_b, role_arn=ROLE, external_id=todo_a["external_id"]), 400,
                "invalid_request")
        refused(make(g, "route53", "b", setup_a, role_arn=ROLE), 422, "handle_invalid")
        refused(g.post("/make_integration", {"provider": "route53", "customer": "a", "verify": False,
                                             "setup_handle": setup_a, "credentials": {"role_arn": ROLE}}), 400,
                "invalid_request", "verify")
        refused(make(g, "route53", "a", setup_a, role_arn="arn:aws:iam::1:role/x"), 400, "invalid_request",
                "credentials.role_arn")
        made(g, "route53", "a", setup_a, role_arn=ROLE)


def test_aws_without_the_condition():
    """A role that anybody could have the gateway assume, and one of the gateway's own account, are not taken."""
    with AWS({ROLE: None}) as aws, at_aws(aws) as g:
        setup, todo = begin(g, "route53", "c1")
        answer = refused(make(g, "route53", "c1", setup, role_arn=ROLE), 400, "invalid_request", "credentials")
        assert "external id" in answer["detail"], answer
        assert len(aws.logins) == 1 and aws.logins[0]["ExternalId"] != todo["external_id"]
        refused(make(g, "route53", "c1", setup, role_arn="arn:aws:iam::210987654321:role/OrganizationAccountAccessRole"),
                400, "invalid_request", "credentials.role_arn")
        assert len(aws.logins) == 1, "nobody was asked"
        aws.throttle = "Throttling"
        refused(make(g, "route53", "c1", setup, role_arn=ROLE), 429, "provider_rate_limited")
        aws.throttle = None
        aws.roles[ROLE] = todo["external_id"]
        made(g, "route53", "c1", setup, role_arn=ROLE)


def test_aws_together():
    """Many at once that need the same session wait for one login."""
    with AWS({}) as aws, at_aws(aws) as g:
        setup, todo = begin(g, "route53", "c")
        aws.roles[ROLE] = todo["external_id"]
        handle = made(g, "route53", "c", setup, role_arn=ROLE)
        before, name = len(aws.logins), "_acme-challenge.many." + AWS.ZONE
        handles = together(lambda i: added(g, handle, name, "v%d" % i, customer="c"), range(16))
        assert len(aws.logins) - before == 1, "one session for that name"
        assert len(aws.sets[name + ".", "TXT"]) == 16
        for h in handles:
            assert remove(g, handle, h, customer="c") == (200, {"removed": True})
        assert not aws.sets


def test_google():
    with Google() as google, at_google(google) as g:
        setup, todo = begin(g, "googleclouddns", "c1")
        account = todo["service_account_name"] + "@p-1234.iam.gserviceaccount.com"
        assert todo["gateway_service_account"] == "gateway@own.iam.gserviceaccount.com"
        assert todo["service_account_name"] in todo["commands"] and len(todo["service_account_name"]) <= 30
        args = {"project": "p-1234", "service_account_email": account}
        refused(make(g, "googleclouddns", "c1", setup, **args), 422, "provider_auth_failed")
        google.grants.add(account)
        handle = made(g, "googleclouddns", "c1", setup, **args)
        add_and_remove(g, handle, "c1", Google.ZONE)
        assert not google.sets
        # Its own key file's token_uri is nobody to ask.
        assert [c["aud"] for c in google.logins if isinstance(c, dict)] == ["https://oauth2.googleapis.com/token"]


def test_google_confused_deputy():
    with Google() as google, at_google(google) as g:
        _, todo_a = begin(g, "googleclouddns", "a")
        setup_b, _ = begin(g, "googleclouddns", "b")
        account = todo_a["service_account_name"] + "@p-1234.iam.gserviceaccount.com"
        google.grants.add(account)
        before = len(google.logins)
        refused(make(g, "googleclouddns", "b", setup_b, project="p-1234", service_account_email=account), 400,
                "invalid_request", "credentials.service_account_email")
        assert len(google.logins) == before, "nobody was asked"


TENANT, SUBSCRIPTION = "11111111-2222-3333-4444-555555555555", "66666666-7777-8888-9999-000000000000"


def test_azure():
    with Azure() as azure, at_azure(azure) as g:
        setup, todo = begin(g, "azuredns", "c1")
        args = {"tenant_id": TENANT, "subscription_id": SUBSCRIPTION}
        azure.tags.update({"azure.example": {}, "other.example": {"postern": "somebody else's"}})
        refused(make(g, "azuredns", "c1", setup, **args), 422, "provider_auth_failed")
        assert todo["application_id"] == "app-1" and "tags.postern=" + todo["external_id"] in todo["commands"]
        azure.tags["azure.example"] = {"postern": todo["external_id"]}
        handle = made(g, "azuredns", "c1", setup, **args)
        status, answer = g.post("/get_zones", {"integration_handle": handle, "customer": "c1"})
        assert [z["name"] for z in answer["zones"]] == ["azure.example"]
        add_and_remove(g, handle, "c1", "azure.example")
        refused(add(g, handle, "_acme-challenge.other.example", "x", customer="c1"), 422, "zone_not_found")
        # The tag is taken away: so is the trust, for removals too.
        record = added(g, handle, "_acme-challenge.azure.example", "v", customer="c1")
        azure.tags["azure.example"] = {}
        refused(remove(g, handle, record, customer="c1"), 422, "zone_not_found")
        assert len(azure.sets) == 1
        azure.tags["azure.example"] = {"postern": todo["external_id"]}
        assert remove(g, handle, record, customer="c1") == (200, {"removed": True})
        assert not azure.sets and {f["tenant"] for f in azure.logins} == {TENANT}
        # Another customer, with a set-up of his own, in the same directory.
        setup, _ = begin(g, "azuredns", "c2")
        refused(make(g, "azuredns", "c2", setup, **args), 422, "provider_auth_failed")


def test_many_logins():
    """More logins at once than are kept: those that find no room hear so, none is lost, and the courier lives."""
    for many in TOKENS_MAX - 1, TOKENS_MAX:  # for the first, room for the customer's login, and none for the gateway's own
        with Google() as google, at_google(google) as g:
            setup, todo = begin(g, "googleclouddns", "c1")
            account = todo["service_account_name"] + "@p-1234.iam.gserviceaccount.com"
            args = {"project": "p-1234", "service_account_email": account}
            google.grants.add(account)
            google.behave("silent", "/token")
            pids = g.pids()

            def login(i):
                if i < many:
                    return g.post("/make_integration", {"provider": "googleclouddns", "credentials": {
                        "client_email": "a%d@p.iam.gserviceaccount.com" % i, "private_key_id": "%x" % i,
                        "private_key": google.key, "project": "p-1234"}})
                wait_for(lambda: len(google.requests) >= many, 14)
                try:
                    return make(g, "googleclouddns", "c1", setup, **args)
                finally:
                    google.release()
                    google.behave("ok")

            answers = together(login, range(many + 1), workers=many + 1)
            refused(answers[many], 503, "overloaded")
            assert {a[1].get("code") for a in answers[:many]} == {"provider_auth_failed"}, answers[0]
            assert g.pids() == pids, "nobody fell"
            made(g, "googleclouddns", "c1", setup, **args)


def test_no_account_of_our_own():
    with AWS({}) as aws, at_aws(aws) as g:
        for provider in "googleclouddns", "azuredns":
            refused(g.post("/begin_integration", {"provider": provider, "customer": "c"}), 400, "invalid_request",
                    "provider")
        refused(g.post("/begin_integration", {"provider": "vultr", "customer": "c"}), 400, "invalid_request", "provider")


if __name__ == "__main__":
    tap.main(globals())
