"""Every call of Cosmian's `cosmian-kms` (4.x), unchanged, against the server that the file in the first argument describes."""

import asyncio
import json
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))

from cosmian_kms import KmsClient

import outcome
from outcome import calling, described, must

world = described()


def answered(error):
    """The client has one kind of error, with the status and the body in its text."""
    found = re.search(r"\b(4\d\d|5\d\d)\b", str(error))
    return (int(found[1]), str(error)) if found else None


def call(name):
    return calling(name, answered)


def client(**credential):
    return KmsClient(world["url"], **credential)


async def logins():
    """By each credential that the client can bring."""
    certificate = {"client_pkcs12_path": world["p12"], "client_pkcs12_password": world["p12_password"]}
    for name, credential in {
        "certificate": certificate,
        "JWT": {"api_key": world["jwt"]},
        "API token": {"api_key": world["api_token"]},
    }.items():
        with call(f"KmsClient {name}"):
            made = client(**credential)
            key = await made.create_symmetric_key(256)
            await made.revoke_key("no longer needed", key)
            await made.destroy_key(key)
    return client(**certificate)


async def symmetric(made):
    keys = {}
    for algorithm, lengths in {"AES": (128, 192, 256), "ChaCha20": (256,)}.items():
        for length in lengths:
            with call(f"create_symmetric_key {algorithm} {length}"):
                keys[algorithm, length] = await made.create_symmetric_key(length, algorithm)
                must(keys[algorithm, length], keys)
    key, tagged = keys.get(("AES", 256)), None
    with call("create_symmetric_key tags"):
        tagged = await made.create_symmetric_key(256, "AES", tags=["mytag", "other"])
        await made.create_symmetric_key(256, "AES", tags=["other"])
    with call("create_symmetric_key sensitive"):
        hidden = await made.create_symmetric_key(256, "AES", sensitive=True)
        try:
            await made.get_object(hidden)
            must(False, "a sensitive key in clear")
        except outcome.Wrong:
            raise
        except Exception as error:
            must(answered(error)[0] in (403, 422), error)
    with call("create_symmetric_key wrapping_key_id"):
        await made.create_symmetric_key(256, "AES", wrapping_key_id=key)
    for name, found in (("identifier", key), ("tags", ["mytag"])):
        with call(f"get_object by {name}"):
            got = await made.get_object(found)
            must(got.object_type() == "SymmetricKey", got.object_type())
            must(len(got.key_block()) >= 32, got.key_block())
        with call(f"encrypt by {name}"):
            sealed = await made.encrypt(b"hello", found)
            must(sealed.unique_identifier() == (key if found == key else tagged), sealed.unique_identifier())
            must(len(sealed.iv_counter_nonce()) == 12 and len(sealed.authenticated_encryption_tag()) == 16, sealed.iv_counter_nonce())
            must(len(sealed.data()) == 5 and sealed.data() != b"hello", sealed.data())
        with call(f"decrypt by {name}"):
            plain = await made.decrypt(sealed.data(), found, sealed.iv_counter_nonce(), sealed.authenticated_encryption_tag())
            must(bytes(plain) == b"hello", plain)
    with call("encrypt by tags of no object"):
        await made.encrypt(b"hello", ["absent"])
    with call("encrypt by tags of two objects"):
        await made.encrypt(b"hello", ["other"])
    for name, found, own in (("identifier", key, key), ("tags", ["mytag"], tagged)):
        with call(f"revoke_key by {name}"):
            revoked = await made.revoke_key("no longer needed", found)
            must(revoked == own, revoked)
        with call(f"encrypt with a key that was revoked by {name}"):
            await made.encrypt(b"hello", own)
        with call(f"destroy_key by {name}"):
            destroyed = await made.destroy_key(found)
            must(destroyed == own, destroyed)
        with call(f"get_object of a key that was destroyed by {name}"):
            await made.get_object(own)


# A policy of Cover Crypt, which the client reads before it asks.
POLICY = json.dumps({
    "version": "V2", "last_attribute_value": 2,
    "dimensions": {"Department": {"Unordered": {
        name: {"id": index, "encryption_hint": "Classic", "write_status": "EncryptDecrypt"} for index, name in enumerate(["HR", "FIN"], 1)
    }}},
}).encode()


async def cover_crypt(made):
    with call("create_cover_crypt_master_key_pair"):
        await made.create_cover_crypt_master_key_pair(POLICY, False)
    with call("import_cover_crypt_master_private_key"):
        await made.import_cover_crypt_master_private_key(b"key", False, "public", POLICY, None, False)
    with call("import_cover_crypt_public_key"):
        await made.import_cover_crypt_public_key(b"key", False, POLICY, "private")
    with call("import_cover_crypt_user_decryption_key"):
        await made.import_cover_crypt_user_decryption_key(b"key", False, "private", "Department::HR")
    with call("create_cover_crypt_user_decryption_key"):
        await made.create_cover_crypt_user_decryption_key("Department::HR", "master", False)
    with call("rekey_cover_crypt_access_policy"):
        await made.rekey_cover_crypt_access_policy("Department::HR", "master")
    with call("prune_cover_crypt_access_policy"):
        await made.prune_cover_crypt_access_policy("Department::HR", "master")
    with call("remove_cover_crypt_attribute"):
        await made.remove_cover_crypt_attribute("Department::HR", "master")
    with call("disable_cover_crypt_attribute"):
        await made.disable_cover_crypt_attribute("Department::HR", "master")
    with call("add_cover_crypt_attribute"):
        await made.add_cover_crypt_attribute("Department::IT", False, "master")
    with call("rename_cover_crypt_attribute"):
        await made.rename_cover_crypt_attribute("Department::HR", "People", "master")
    with call("cover_crypt_encryption"):
        await made.cover_crypt_encryption("Department::HR", b"hello", "public")
    with call("cover_crypt_decryption"):
        await made.cover_crypt_decryption(b"sealed", "user")


async def main():
    made = await logins()
    await symmetric(made)
    await cover_crypt(made)


asyncio.run(main())
outcome.uncalled(name for name in dir(KmsClient) if not name.startswith("_"))
