"""Every call of CyberArk's `conjur-api`, unchanged, against the server that the file in the first argument describes."""

import asyncio
import contextlib
import http.server
import os
import sys
import tempfile
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))

from conjur_api import Client
from conjur_api.errors.errors import HttpStatusError
from conjur_api.models import (
    ConjurConnectionInfo, CreateHostData, CreateTokenData, CredentialsData, ListMembersOfData, ListPermittedRolesData,
    Resource, SslVerificationMode,
)
from conjur_api.models.general.credentials_data import OidcCodeDetail
from conjur_api.providers.authn_authentication_strategy import AuthnAuthenticationStrategy
from conjur_api.providers.aws_iam_authentication_strategy import AWSIAMAuthenticationStrategy
from conjur_api.providers.azure_authentication_strategy import AzureAuthenticationStrategy
from conjur_api.providers.cert_authentication_strategy import CertAuthenticationStrategy
from conjur_api.providers.gcp_authentication_strategy import GCPAuthenticationStrategy
from conjur_api.providers.jwt_authentication_strategy import JWTAuthenticationStrategy
from conjur_api.providers.ldap_authentication_strategy import LdapAuthenticationStrategy
from conjur_api.providers.oidc_authentication_strategy import OidcAuthenticationStrategy
from conjur_api.providers.simple_credentials_provider import SimpleCredentialsProvider
from conjur_api.providers.token_authentication_strategy import TokenAuthenticationStrategy

import outcome
from outcome import calling, described, must

world = described()
HOST, ACCOUNT = world["host"], world["account"]
BARE = HOST.removeprefix("host/")
# Each process writes names of its own.
NAME = "db/pass word+%2F"


def answered(error):
    if isinstance(error, HttpStatusError):
        return error.status, error.response
    return None


def call(name):
    return calling(name, answered)


def client(strategy, service=None):
    info = ConjurConnectionInfo(
        conjur_url=world["url"], account=ACCOUNT, cert_file=world["ca"], service_id=service or world["service"]
    )
    return Client(info, SslVerificationMode.CA_BUNDLE, strategy)


def stored(**data):
    provider = SimpleCredentialsProvider()
    provider.save(CredentialsData(machine=world["url"], **data))
    return provider


class Metadata(http.server.BaseHTTPRequestHandler):
    """Azure's metadata service, which the client asks for a token first."""

    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'{"access_token": "token"}')

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def metadata():
    with http.server.HTTPServer(("127.0.0.1", 0), Metadata) as server:
        threading.Thread(target=server.serve_forever).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


async def logins():
    """Who can log in, and as whom."""
    async def known(made, name=HOST):
        who = await made.whoami()
        must(who["username"] == name and who["account"] == ACCOUNT, who)

    with call("authenticate JWTAuthenticationStrategy"):
        made = client(JWTAuthenticationStrategy(world["jwt"]))
        token, _ = await made.authenticate()
        await known(made)
    with call("authenticate GCPAuthenticationStrategy"):
        await known(client(GCPAuthenticationStrategy(HOST, jwt=world["jwt"]), world["service_of_named_hosts"]))
    with call("authenticate TokenAuthenticationStrategy"):
        await known(client(TokenAuthenticationStrategy(stored(api_token=token))))
    key = world["api_key"]
    with call("login AuthnAuthenticationStrategy"):
        given = await client(AuthnAuthenticationStrategy(stored(username=HOST, password=key))).login()
        must(given == key, given)
    with call("authenticate AuthnAuthenticationStrategy"):
        await known(client(AuthnAuthenticationStrategy(stored(username=HOST, api_key=key))))
    with call("authenticate AuthnAuthenticationStrategy of a password"):
        await known(client(AuthnAuthenticationStrategy(stored(username=HOST, password=key))))
    with call("login LdapAuthenticationStrategy"):
        await client(LdapAuthenticationStrategy(stored(username="alice", password="password"))).login()
    with call("authenticate LdapAuthenticationStrategy"):
        await client(LdapAuthenticationStrategy(stored(username="alice", api_key="key"))).authenticate()
    with call("authenticate OidcAuthenticationStrategy"):
        code = OidcCodeDetail("code", "verifier", "nonce")
        await client(OidcAuthenticationStrategy(stored(oidc_code_detail=code))).authenticate()
    for mode, host in (("request", HOST), ("SPIFFE", None)):
        with call(f"authenticate CertAuthenticationStrategy {mode}"):
            strategy = CertAuthenticationStrategy(world["certificate"], world["key"], world["service"], host)
            await client(strategy).authenticate()
    with call("authenticate AWSIAMAuthenticationStrategy"):
        await client(AWSIAMAuthenticationStrategy(HOST)).authenticate()
    with metadata() as url, call("authenticate AzureAuthenticationStrategy"):
        await client(AzureAuthenticationStrategy(HOST, imds_base_url=url)).authenticate()
    with call("list_oidc_providers"):
        must(await client(JWTAuthenticationStrategy(world["jwt"])).list_oidc_providers() == [], "a provider")


async def secrets(made):
    with call("whoami"):
        who = await made.whoami()
        must(who["account"] == ACCOUNT and who["username"] == HOST, who)
    with call("set"):
        await made.set(NAME, "one")
        await made.set(NAME, "two, with ünicode")
        await made.set("db/other", "three")
    with call("get"):
        found = await made.get(NAME)
        must(found == "two, with ünicode".encode(), found)
    with call("get version"):
        found = await made.get(NAME, "1")
        must(found == b"one", found)
    with call("get_many"):
        found = await made.get_many(NAME, "db/other")
        must(found == {NAME: "two, with ünicode", "db/other": "three"}, found)


async def resources(made):
    full = f"{ACCOUNT}:variable:{NAME}"
    with call("list"):
        found = await made.list()
        must(full in found and len(found) >= 2, found)
    with call("list kind"):
        found = await made.list({"kind": "variable", "limit": 1000, "offset": 0})
        must(full in found, found)
    with call("list search"):
        found = await made.list({"kind": "variable", "search": "other"})
        must(found == [f"{ACCOUNT}:variable:db/other"], found)
    with call("list limit and offset"):
        first, second = [await made.list({"kind": "variable", "limit": 1, "offset": offset}) for offset in (0, 1)]
        must(len(first) == 1 and len(second) == 1 and first != second, (first, second))
    with call("list inspect"):
        found = await made.list({"search": "other", "inspect": True})
        must([one["id"] for one in found] == [f"{ACCOUNT}:variable:db/other"], found)
    with call("list role"):
        found = await made.list({"role": f"{ACCOUNT}:host:{BARE}"})
        must(full in found, found)
    for privilege in ("read", "execute", "update"):
        with call(f"check_privilege {privilege}"):
            must(await made.check_privilege("variable", NAME, privilege), False)
    with call("check_privilege of a variable that is not there"):
        must(not await made.check_privilege("variable", "absent", "read"), True)
    with call("check_privilege of another role"):
        must(not await made.check_privilege("variable", NAME, "execute", f"{ACCOUNT}:host:absent"), True)
    with call("get_resource"):
        found = await made.get_resource("variable", NAME)
        must(found["id"] == full and [one["version"] for one in found["secrets"]] == [1, 2], found)
    with call("resource_exists"):
        must(await made.resource_exists("variable", NAME), False)
        must(not await made.resource_exists("variable", "absent"), True)
    with call("get_role"):
        found = await made.get_role("host", BARE)
        must(found["id"] == f"{ACCOUNT}:host:{BARE}", found)
    with call("role_exists"):
        must(await made.role_exists("host", BARE), False)
        must(not await made.role_exists("host", "absent"), True)
    with call("role_memberships"):
        await made.role_memberships("host", BARE)
    with call("role_memberships direct"):
        await made.role_memberships("host", BARE, True)
    with call("list_members_of_role"):
        data = ListMembersOfData(kind=None, identifier=None)
        data.set_resource(Resource("host", BARE))
        data.identifier = BARE
        await made.list_members_of_role(data)
    with call("list_permitted_roles"):
        await made.list_permitted_roles(ListPermittedRolesData(NAME, "execute", "variable"))
    with call("find_resources_by_identifier"):
        found = await made.find_resources_by_identifier("db/other")
        must(found == [Resource("variable", "db/other")], found)
    with call("find_resource_by_identifier"):
        found = await made.find_resource_by_identifier("db/other")
        must(found == Resource("variable", "db/other"), found)


async def administration(made):
    with call("create_token"):
        await made.create_token(CreateTokenData("factory", hours=1))
    with call("create_host"):
        await made.create_host(CreateHostData("new", "token", {"team": "red"}))
    with call("revoke_token"):
        await made.revoke_token("token")
    with tempfile.NamedTemporaryFile("w", suffix=".yml") as policy:
        policy.write("- !variable new\n")
        policy.flush()
        for name in ("load_policy_file", "replace_policy_file", "update_policy_file"):
            with call(name):
                await getattr(made, name)("root", policy.name)
            with call(f"{name} dry_run"):
                await getattr(made, name)("root", policy.name, True)
    with call("set_authenticator_state"):
        await made.set_authenticator_state(f"authn-jwt/{world['service']}", False)
        await made.set_authenticator_state(f"authn-jwt/{world['service']}", True)
        must((await client(JWTAuthenticationStrategy(world["jwt"])).whoami())["username"] == HOST, "another")
    with call("get_server_info"):
        found = await made.get_server_info()
        must("version" in found["services"]["possum"], found)
    with call("server_version"):
        found = await made.server_version()
        must(found.count(".") == 2, found)


async def keys(administrator):
    """The last: each makes the key before it useless."""
    key = world["api_key"]
    with call("rotate_personal_api_key"):
        made = client(AuthnAuthenticationStrategy(stored(username=HOST, api_key=key)))
        rotated = await made.rotate_personal_api_key(HOST, key)
        must((await client(AuthnAuthenticationStrategy(stored(username=HOST, api_key=rotated))).whoami())["username"] == HOST, "another")
        must(rotated != key, rotated)
    with call("rotate_other_api_key"):
        rotated = await administrator.rotate_other_api_key(Resource("host", BARE))
        must((await client(AuthnAuthenticationStrategy(stored(username=HOST, api_key=rotated))).whoami())["username"] == HOST, "another")
    with call("change_personal_password"):
        await administrator.change_personal_password("alice", "password", "another")


async def main():
    host = client(JWTAuthenticationStrategy(world["jwt"]))
    administrator = client(GCPAuthenticationStrategy(world["administrator"], jwt=world["administrator_jwt"]),
                           world["service_of_named_hosts"])
    await logins()
    await secrets(host)
    await resources(host)
    await administration(administrator)
    await keys(administrator)


# Those that only set what the client says of itself send nothing.
LOCAL = {"configure_logger"}
public = {name for name, member in vars(Client).items() if callable(member) and not name.startswith("_")}
asyncio.run(main())
outcome.uncalled(name for name in public if name not in LOCAL and not name.startswith("set_integration")
                 and not name.startswith("set_vendor") and name != "set_telemetry_header")
