"""The KMIP provider of pymongocrypt, unchanged: client-side field level encryption of MongoDB, without a MongoDB server."""

import os
import socket
import ssl
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))

import bson
from pymongocrypt.options import MongoCryptOptions
from pymongocrypt.synchronous.explicit_encrypter import ExplicitEncrypter
from pymongocrypt.synchronous.state_machine import MongoCryptCallback

from outcome import calling, described, must

world = described()
ENDPOINT = f"localhost:{world['port']}"
ALGORITHM = "AEAD_AES_256_CBC_HMAC_SHA_512-Random"


class KeyVault(MongoCryptCallback):
    """Keeps the data keys in memory, and connects to the server as MongoDB's drivers do: anew for each request."""

    def __init__(self, keys):
        self.keys = keys

    def kms_request(self, kms_context):
        host, port = kms_context.endpoint.split(":")
        context = ssl.create_default_context(cafile=world["ca"])
        context.load_cert_chain(world["client_certificate"], world["client_key"])
        with socket.create_connection((host, int(port))) as tcp, context.wrap_socket(tcp, server_hostname=host) as stream:
            stream.sendall(kms_context.message)
            while kms_context.bytes_needed > 0:
                answer = stream.recv(kms_context.bytes_needed)
                must(answer, "the end of the connection")
                kms_context.feed(answer)

    def collection_info(self, *_):
        return None

    def mark_command(self, *_):
        return None

    def fetch_keys(self, _):
        return self.keys

    def insert_data_key(self, data_key):
        self.keys.append(data_key)
        return bson.decode(data_key)["_id"]

    def bson_encode(self, document):
        return bson.encode(document)

    def close(self):
        pass


def encrypter(keys):
    return ExplicitEncrypter(KeyVault(keys), MongoCryptOptions({"kmip": {"endpoint": ENDPOINT}}, None))


def answered(error):
    return ("refused", str(error)) if "KMIP" in str(error) else None


for mode, master_key in {"kept": {}, "delegated": {"delegated": True}}.items():
    keys = []
    with calling(f"create_data_key {mode}", answered):
        made = encrypter(keys).create_data_key("kmip", master_key={"endpoint": ENDPOINT, **master_key})
        must(len(keys) == 1, keys)
    with calling(f"encrypt and decrypt {mode}", answered):
        sealed = encrypter(keys).encrypt(bson.encode({"v": "a secret"}), ALGORITHM, key_id=made)
        must(b"a secret" not in sealed, sealed)
        # A second encrypter knows nothing of the first one: it asks the server for the key.
        must(bson.decode(encrypter(keys).decrypt(sealed)) == {"v": "a secret"}, sealed)
