"""Every call of Infisical's `infisicalsdk`, unchanged, against the server that the file in the first argument describes."""

import base64
import inspect
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))

from infisical_sdk import InfisicalSDKClient
from infisical_sdk.api_types import DynamicSecretProviders, KmsKeysOrderBy, OrderDirection, SymmetricEncryption
from infisical_sdk.infisical_requests import APIError

import outcome
from outcome import calling, described, must

world = described()
PROJECT, SLUG, ENVIRONMENT = world["project"], world["project_slug"], world["environment"]
SECRET = {"environment_slug": ENVIRONMENT, "secret_path": "/"}
OURS = {**SECRET, "project_id": PROJECT}


def answered(error):
    return (error.status_code, error.response) if isinstance(error, APIError) else None


def call(name):
    return calling(name, answered)


def refused(ask):
    try:
        found = ask()
    except APIError as error:
        must(error.status_code in (400, 404, 409, 422), error.status_code)
    else:
        must(False, found)


def client(token=None):
    """Without the cache, which would answer in the server's place."""
    return InfisicalSDKClient(world["url"], token, cache_ttl=None)


def logins():
    with call("auth.universal_auth.login"):
        made = client()
        given = made.auth.universal_auth.login(world["client_id"], world["client_secret"])
        must(given.tokenType == "Bearer" and given.expiresIn > 0 and given.accessTokenMaxTTL > 0, given)
        made.kms.list_keys(PROJECT)
    with call("auth.oidc_auth.login"):
        made = client()
        made.auth.oidc_auth.login(world["oidc_identity"], world["oidc_jwt"])
        made.kms.list_keys(PROJECT)
    with call("auth.token_auth.login"):
        made = client()
        made.auth.token_auth.login(world["token"])
        made.kms.list_keys(PROJECT)
    with call("auth.aws_auth.login"):
        client().auth.aws_auth.login(world["identity"])
    with call("auth.ldap_auth.login"):
        client().auth.ldap_auth.login(world["identity"], "alice", "password")


def keys(made):
    plain = base64.b64encode(b"hello").decode()
    key = None
    for algorithm in SymmetricEncryption:
        with call(f"kms.create_key {algorithm.value}"):
            name = f"python-{algorithm.value}"
            key = made.kms.create_key(name, PROJECT, algorithm, "by Python")
            must((key.name, key.projectId, key.isDisabled, key.encryptionAlgorithm) == (name, PROJECT, False, algorithm.value), key)
    with call("kms.create_key without a description"):
        made.kms.create_key("python-bare", PROJECT, SymmetricEncryption.AES_GCM_256)
    with call("kms.list_keys"):
        found = made.kms.list_keys(PROJECT)
        must(found.totalCount >= 3 and "python-bare" in [one.name for one in found.keys], found)
    with call("kms.list_keys search, order and page"):
        found = made.kms.list_keys(PROJECT, 0, 2, KmsKeysOrderBy.NAME, OrderDirection.DESC, "python-")
        must([one.name for one in found.keys] == ["python-bare", "python-aes-256-gcm"] and found.totalCount == 3, found)
    with call("kms.get_key_by_id"):
        must(made.kms.get_key_by_id(key.id) == key, key)
    with call("kms.get_key_by_name"):
        must(made.kms.get_key_by_name(key.name, PROJECT).id == key.id, key)
    with call("kms.encrypt_data"):
        sealed = made.kms.encrypt_data(key.id, plain)
        must(sealed != plain, sealed)
    with call("kms.decrypt_data"):
        found = made.kms.decrypt_data(key.id, sealed)
        must(found == plain, found)
    with call("kms.update_key"):
        found = made.kms.update_key(key.id, name="python-renamed", description="other")
        must((found.name, found.description) == ("python-renamed", "other"), found)
    with call("kms.update_key is_disabled"):
        must(made.kms.update_key(key.id, is_disabled=True).isDisabled, "enabled")
        refused(lambda: made.kms.encrypt_data(key.id, plain))
        must(not made.kms.update_key(key.id, is_disabled=False).isDisabled, "disabled")
        must(made.kms.decrypt_data(key.id, sealed) == plain, "not decrypted")
    with call("kms.delete_key"):
        must(made.kms.delete_key(key.id).id == key.id, key)


def secrets(made):
    with call("secrets.create_secret_by_name"):
        found = made.secrets.create_secret_by_name(
            "PYTHON_ONE", secret_value="one", secret_comment="first", secret_metadata=[{"key": "team", "value": "red"}],
            **OURS
        )
        must((found.secretKey, found.secretValue, found.secretComment, found.version) == ("PYTHON_ONE", "one", "first", 1), found)
    with call("secrets.create_secret_by_name project_slug"):
        found = made.secrets.create_secret_by_name(
            "PYTHON_TWO", secret_value="${PYTHON_ONE}-two", skip_multiline_encoding=True, project_slug=SLUG, **SECRET
        )
        must(found.workspace == PROJECT and found.environment == ENVIRONMENT, found)
    with call("secrets.create_secret_by_name reminder"):
        made.secrets.create_secret_by_name(
            "PYTHON_LATER", secret_value="x", secret_reminder_repeat_days=7, secret_reminder_note="soon", **OURS
        )
    with call("secrets.get_secret_by_name"):
        found = made.secrets.get_secret_by_name("PYTHON_TWO", **OURS)
        must(found.secretValue == "one-two", found)
    with call("secrets.get_secret_by_name unexpanded"):
        found = made.secrets.get_secret_by_name("PYTHON_TWO", expand_secret_references=False, include_imports=False, **OURS)
        must(found.secretValue == "${PYTHON_ONE}-two", found)
    with call("secrets.get_secret_by_name project_slug"):
        found = made.secrets.get_secret_by_name("PYTHON_ONE", project_slug=SLUG, **SECRET)
        must(found.secretValue == "one", found)
    with call("secrets.get_secret_by_name hidden"):
        found = made.secrets.get_secret_by_name("PYTHON_ONE", view_secret_value=False, **OURS)
        must(found.secretValueHidden and found.secretValue != "one", found)
    with call("secrets.update_secret_by_name"):
        found = made.secrets.update_secret_by_name("PYTHON_ONE", secret_value="other", secret_comment="second", **OURS)
        must(found.version == 2 and found.secretComment == "second", found)
    with call("secrets.get_secret_by_name version"):
        found = made.secrets.get_secret_by_name("PYTHON_ONE", version="1", **OURS)
        must(found.secretValue == "one", found)
    with call("secrets.update_secret_by_name new_secret_name"):
        found = made.secrets.update_secret_by_name("PYTHON_ONE", new_secret_name="PYTHON_RENAMED", **OURS)
        must(found.secretKey == "PYTHON_RENAMED", found)
        must(made.secrets.get_secret_by_name("PYTHON_RENAMED", **OURS).secretValue == "other", "another")
    with call("secrets.list_secrets"):
        found = {one.secretKey: one for one in made.secrets.list_secrets(project_id=PROJECT, **SECRET).secrets}
        must("PYTHON_RENAMED" in found and found["PYTHON_RENAMED"].secretPath == "/", found)
    with call("secrets.list_secrets recursive"):
        found = made.secrets.list_secrets(project_slug=SLUG, recursive=True, expand_secret_references=False, **SECRET)
        must("PYTHON_RENAMED" in [one.secretKey for one in found.secrets], found)
    with call("secrets.list_secrets hidden"):
        found = made.secrets.list_secrets(project_id=PROJECT, view_secret_value=False, **SECRET)
        must(all(one.secretValueHidden for one in found.secrets), found)
    with call("secrets.list_secrets tag_filters"):
        found = made.secrets.list_secrets(project_id=PROJECT, tag_filters=["absent"], **SECRET)
        must(found.secrets == [], found)
    with call("secrets.delete_secret_by_name"):
        made.secrets.delete_secret_by_name("PYTHON_RENAMED", **OURS)
        refused(lambda: made.secrets.get_secret_by_name("PYTHON_RENAMED", **OURS))


def folders(made):
    ours = {"environment_slug": ENVIRONMENT, "project_id": PROJECT}
    with call("folders.create_folder"):
        folder = made.folders.create_folder("python", path="/", description="by Python", **ours)
        must((folder.name, folder.path) == ("python", "/python"), folder)
    with call("folders.get_folder_by_id"):
        found = made.folders.get_folder_by_id(folder.id)
        must(found.name == "python" and found.environment.envSlug == ENVIRONMENT and found.projectId == PROJECT, found)
    with call("folders.list_folders"):
        found = made.folders.list_folders(path="/", **ours)
        must("python" in [one.name for one in found.folders], found)
    with call("folders.list_folders recursive"):
        made.folders.create_folder("below", path="/python", **ours)
        found = made.folders.list_folders(path="/", recursive=True, **ours)
        must({"python", "below"} <= {one.name for one in found.folders}, found)
    with call("folders.update_folder"):
        found = made.folders.update_folder(folder.id, "python-renamed", **ours)
        must(found.name == "python-renamed" and found.path == "/python-renamed", found)
    with call("folders.delete_folder"):
        made.folders.delete_folder(folder.id, force_delete=True, **ours)
        must("python-renamed" not in [one.name for one in made.folders.list_folders(path="/", **ours).folders], "still there")


def dynamic(made):
    ours = {"project_slug": SLUG, "environment_slug": ENVIRONMENT}
    with call("dynamic_secrets.create"):
        made.dynamic_secrets.create(
            name="db", provider_type=DynamicSecretProviders.SQL_DATABASE, inputs={"host": "db"}, default_ttl="1h", max_ttl="1d",
            **ours
        )
    with call("dynamic_secrets.get_by_name"):
        made.dynamic_secrets.get_by_name("db", **ours)
    with call("dynamic_secrets.update"):
        made.dynamic_secrets.update("db", default_ttl="2h", **ours)
    with call("dynamic_secrets.delete"):
        made.dynamic_secrets.delete("db", **ours)
    with call("dynamic_secrets.leases.create"):
        made.dynamic_secrets.leases.create("db", ttl="1h", **ours)
    with call("dynamic_secrets.leases.get"):
        made.dynamic_secrets.leases.get("lease", **ours)
    with call("dynamic_secrets.leases.renew"):
        made.dynamic_secrets.leases.renew("lease", ttl="1h", **ours)
    with call("dynamic_secrets.leases.revoke"):
        made.dynamic_secrets.leases.revoke("lease", **ours)


def offered(made, prefix=""):
    """The names of the calls of the client and its parts."""
    for name, member in inspect.getmembers(made):
        if name.startswith("_") or name in ("api", "requests", "cache", "setToken"):
            continue
        if inspect.ismethod(member) and prefix:
            yield prefix + name
        elif type(member).__module__.startswith("infisical_sdk"):
            yield from offered(member, f"{prefix}{name}.")


made = client(world["token"])
logins()
keys(made)
secrets(made)
folders(made)
dynamic(made)
outcome.uncalled(name for name in offered(made) if name != "auth.aws_auth.get_aws_region")
