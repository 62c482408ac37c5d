# SPDX-License-Identifier: ISC
"""A real authorization server (Debian's python3-authlib), and an API in DigitalOcean's form behind its tokens.

Authlib judges clients, codes, PKCE, redirect URIs and refresh tokens; this file is its database. DigitalOcean's
refresh tokens rotate: each is good once.
"""
import json
import os
import secrets
import sys
import threading
import time
import urllib.parse

from clouds import as_json
from servers import FakeUpstream

try:
    import authlib.oauth2.rfc6749
except ImportError:
    sys.path.append("/usr/lib/python3/dist-packages")  # Debian's package, where python3 is not Debian's own
from authlib.oauth2.rfc6749 import AuthorizationServer, OAuth2Request, grants
from authlib.oauth2.rfc6750 import BearerTokenGenerator
from authlib.oauth2.rfc7636 import CodeChallenge

os.environ["AUTHLIB_INSECURE_TRANSPORT"] = "1"  # it is on loopback

CLIENT, SECRET = "client-1", "client-canary-secret+/="
REDIRECT = "https://app.example/connected?x=1"


class Client:
    """The gateway, as it is registered."""

    def get_client_id(self):
        return CLIENT

    def get_default_redirect_uri(self):
        return REDIRECT

    def get_allowed_scope(self, scope):
        return scope

    def check_redirect_uri(self, uri):
        return uri in (REDIRECT, REDIRECT + "&other")

    def check_client_secret(self, secret):
        return secret == SECRET

    def check_endpoint_auth_method(self, method, endpoint):
        return method == "client_secret_post"

    def check_response_type(self, kind):
        return kind == "code"

    def check_grant_type(self, kind):
        return kind in ("authorization_code", "refresh_token")


class Row:
    """A code, or a token."""

    def __init__(self, **kw):
        self.__dict__.update(kw)

    def get_redirect_uri(self):
        return self.redirect_uri

    def get_scope(self):
        return self.scope

    def get_expires_in(self):
        return None  # the server's own

    def check_client(self, client):
        return True


class CodeGrant(grants.AuthorizationCodeGrant):
    TOKEN_ENDPOINT_AUTH_METHODS = ["client_secret_post"]

    def generate_authorization_code(self):
        return "code-canary-" + secrets.token_urlsafe(20)

    def save_authorization_code(self, code, request):
        self.server.codes[code] = Row(code=code, redirect_uri=request.redirect_uri, scope=request.scope,
                                      code_challenge=request.data.get("code_challenge"),
                                      code_challenge_method=request.data.get("code_challenge_method"))

    def query_authorization_code(self, code, client):
        return self.server.codes.get(code)

    def delete_authorization_code(self, row):
        del self.server.codes[row.code]

    def authenticate_user(self, row):
        return "a customer"


class RefreshGrant(grants.RefreshTokenGrant):
    TOKEN_ENDPOINT_AUTH_METHODS = ["client_secret_post"]
    INCLUDE_NEW_REFRESH_TOKEN = True

    def authenticate_refresh_token(self, token):
        return next((t for t in self.server.tokens if t.refresh_token == token and not t.used), None)

    def authenticate_user(self, row):
        return "a customer"

    def revoke_old_credential(self, row):
        row.used = True


class Server(AuthorizationServer):
    def __init__(self):
        super().__init__()
        self.codes, self.tokens, self.lives = {}, [], {}
        self.register_grant(CodeGrant, [CodeChallenge(required=True)])
        self.register_grant(RefreshGrant)
        self.register_token_generator("default", BearerTokenGenerator(
            lambda **kw: "access-canary-" + secrets.token_urlsafe(30),
            lambda **kw: "refresh-canary-" + secrets.token_urlsafe(30),
            lambda client, grant: self.lives.get(grant, 3600)))

    def query_client(self, client_id):
        return Client() if client_id == CLIENT else None

    def save_token(self, token, request):
        self.tokens.append(Row(access_token=token["access_token"], refresh_token=token.get("refresh_token"),
                               scope=token.get("scope"), used=False, revoked=False))

    def create_oauth2_request(self, request):
        method, uri, body = request
        return OAuth2Request(method, uri, body)

    def handle_response(self, status, body, headers):
        return status, body, dict(headers)

    def send_signal(self, name, *args, **kw):
        pass


class DigitalOcean(FakeUpstream):
    """.grants_seen: the kinds of token requests, in order; .answered: the same, when they were answered. .override: what the token endpoint
    answers instead. .late: the seconds it takes for that. .refuse: so many requests for records are answered with 401."""

    ZONE = "ocean.example"

    def __init__(self):
        self.lock, self.oauth, self.override = threading.Lock(), Server(), None
        self.grants_seen, self.forms, self.records = [], [], {}
        self.answered, self.late, self.refuse = [], 0, 0
        super().__init__()

    def authorize(self, url):
        """What the customer's browser does: go there, say yes, and be sent back. (redirect URI, its query)"""
        with self.lock:
            status, body, headers = self.oauth.create_authorization_response(("GET", url, None), "a customer")
        assert status == 302, (status, body)
        back, _, query = headers["Location"].rpartition("&code=")
        return back, dict(urllib.parse.parse_qsl("code=" + query))

    def live(self, **lives):
        """Seconds that access tokens live from now on, by grant: authorization_code=…, refresh_token=…"""
        self.oauth.lives.update(lives)

    def revoke(self, refresh=False):
        """All access tokens so far; the refresh tokens too."""
        with self.lock:
            for t in self.oauth.tokens:
                t.revoked = True
                t.used = t.used or refresh

    def answer(self, request):
        path = urllib.parse.urlsplit(request.path).path
        if path == "/v1/oauth/token":
            return self.token(request)
        with self.lock:
            return self.api(request, path)

    def token(self, request):
        form = dict(urllib.parse.parse_qsl(request.body.decode()))
        with self.lock:
            self.grants_seen.append(form.get("grant_type"))
            self.forms.append(form)
            if self.override:
                return self.override
            status, body, headers = self.oauth.create_token_response(("POST", self.url + request.path, form))
        # An answer that is under way for so long: what happens meanwhile is what the test is about.
        time.sleep(self.late)
        self.answered.append(form.get("grant_type"))
        text = json.dumps(body if isinstance(body, dict) else dict(body))
        return status, {k: v for k, v in headers.items() if k != "Content-Length"}, text.encode()

    def api(self, request, path):
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if not any(t.access_token == token and not t.revoked for t in self.oauth.tokens):
            return as_json(401, {"id": "Unauthorized", "message": "Unable to authenticate you"})
        if path == "/v2/domains":
            return as_json(200, {"domains": [{"name": self.ZONE}], "links": {}})
        if self.refuse and "/records" in path:
            self.refuse -= 1
            return as_json(401, {"id": "Unauthorized", "message": "this replica is behind"})
        number = path.rpartition("/")[2]
        if request.method == "POST":
            record = dict(json.loads(request.body), id=len(self.records) + 1)
            self.records[str(record["id"])] = record
            return as_json(201, {"domain_record": record})
        if request.method == "DELETE":
            return (204, {}, b"") if self.records.pop(number, None) else as_json(404, {"id": "not_found"})
        if number == "records":
            return as_json(200, {"domain_records": list(self.records.values()), "links": {}})
        record = self.records.get(number)
        return as_json(200, {"domain_record": record}) if record else as_json(404, {"id": "not_found"})
