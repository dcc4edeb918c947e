"""Every call of PyKMIP's ProxyKmipClient, unchanged, in each version of KMIP, against the server that the file in the first argument describes."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))

from kmip import enums, objects
from kmip.core import enums as core
from kmip.core import objects as cobjects
from kmip.core import primitives
from kmip.core.factories.attributes import AttributeFactory
from kmip.pie.client import ProxyKmipClient
from kmip.pie.exceptions import KmipOperationFailure

import outcome
from outcome import calling, described, must

world = described()
VERSIONS = {"1.0": "KMIP_1_0", "1.1": "KMIP_1_1", "1.2": "KMIP_1_2", "1.3": "KMIP_1_3", "1.4": "KMIP_1_4", "2.0": "KMIP_2_0"}
AES, MASK = enums.CryptographicAlgorithm.AES, enums.CryptographicUsageMask
CBC = {
    "block_cipher_mode": enums.BlockCipherMode.CBC,
    "padding_method": enums.PaddingMethod.PKCS5,
    "cryptographic_algorithm": AES,
}


def answered(error):
    """The status and reason of a failure that the server answered."""
    if isinstance(error, KmipOperationFailure):
        return (error.status.name, str(error))
    return None


def attribute(kind, value):
    return AttributeFactory().create_attribute(kind, value)


class Calls:
    def __init__(self, version, client):
        self.version, self.client = version, client

    def call(self, name):
        return calling(f"{name} {self.version}", answered)

    def lifecycle(self):
        client, name = self.client, f"key of {self.version}"
        key = None
        with self.call("create"):
            key = client.create(AES, 256, name=name, cryptographic_usage_mask=[MASK.ENCRYPT, MASK.DECRYPT])
        with self.call("get"):
            got = client.get(key)
            must(len(got.value) == 32 and got.cryptographic_length == 256, got)
        with self.call("locate"):
            wanted = attribute(enums.AttributeType.NAME, name)
            must(client.locate(attributes=[wanted]) == [key], key)
        with self.call("get_attributes"):
            found, attributes = client.get_attributes(key, ["Name", "State", "Cryptographic Length"])
            must(found == key and len(attributes) == 3, attributes)
        with self.call("get_attribute_list"):
            names = client.get_attribute_list(key)
            must("Cryptographic Algorithm" in names and "Name" in names, names)
        with self.call("activate"):
            client.activate(key)
        sealed = None
        with self.call("encrypt"):
            sealed = client.encrypt(b"a block and more", key, cryptographic_parameters=CBC)
        with self.call("decrypt"):
            data, iv = sealed if sealed else (b"", b"")
            plain = client.decrypt(data, key, cryptographic_parameters=CBC, iv_counter_nonce=iv)
            must(plain == b"a block and more", plain)
        with self.call("check"):
            must(client.check(key, cryptographic_usage_mask=[MASK.ENCRYPT]) == key, key)
        with self.call("revoke"):
            client.revoke(enums.RevocationReasonCode.CESSATION_OF_OPERATION, key)
        with self.call("destroy"):
            client.destroy(key)
        with self.call("get-destroyed"):
            client.get(key)
        return key

    def attributes(self):
        client = self.client
        key = client.create(AES, 128, name=f"first name of {self.version}")
        if self.version == "2.0":
            with self.call("set_attribute"):
                must(client.set_attribute(key, attribute_name="Sensitive", attribute_value=False) == key, key)
            with self.call("modify_attribute"):
                sensitive = primitives.Boolean(False, tag=core.Tags.SENSITIVE)
                found = client.modify_attribute(key, new_attribute=cobjects.NewAttribute(attribute=sensitive))
                must(key in found, found)
            with self.call("delete_attribute"):
                client.set_attribute(key, attribute_name="Contact Information", attribute_value="somebody")
                contact = primitives.TextString("somebody", tag=core.Tags.CONTACT_INFORMATION)
                found = client.delete_attribute(key, current_attribute=cobjects.CurrentAttribute(attribute=contact))
                must(key in found, found)
            return
        with self.call("set_attribute"):
            client.set_attribute(key, attribute_name="Sensitive", attribute_value=False)
        with self.call("modify_attribute"):
            changed = attribute(enums.AttributeType.NAME, f"second name of {self.version}")
            found, told = client.modify_attribute(key, attribute=changed)
            must(found == key and told.attribute_value.name_value.value == f"second name of {self.version}", told)
        with self.call("delete_attribute"):
            found, told = client.delete_attribute(key, attribute_name="Name", attribute_index=0)
            must(found == key and told.attribute_name.value == "Name", told)

    def objects(self):
        client = self.client
        for kind, value in {
            "symmetric key": objects.SymmetricKey(AES, 128, b"\1" * 16, masks=[MASK.ENCRYPT], name=f"s {self.version}"),
            "key of 3DES": objects.SymmetricKey(enums.CryptographicAlgorithm.TRIPLE_DES, 192, b"\1" * 24, masks=[]),
            "secret data": objects.SecretData(b"a password", enums.SecretDataType.PASSWORD, masks=[]),
            "opaque object": objects.OpaqueObject(b"anything", enums.OpaqueDataType.NONE),
            "certificate": objects.X509Certificate(world["certificate"] and bytes.fromhex(world["certificate"]), masks=[]),
            "public key": objects.PublicKey(
                enums.CryptographicAlgorithm.RSA, 1024, bytes.fromhex(world["public_key"]), enums.KeyFormatType.PKCS_1, masks=[]
            ),
            "private key": objects.PrivateKey(
                enums.CryptographicAlgorithm.RSA, 1024, bytes.fromhex(world["private_key"]), enums.KeyFormatType.PKCS_8, masks=[]
            ),
        }.items():
            identifier = None
            with self.call(f"register {kind}"):
                identifier = client.register(value)
            with self.call(f"get {kind}"):
                got = client.get(identifier)
                must(got.value == value.value, got)
            with self.call(f"destroy {kind}"):
                client.destroy(identifier)

    def cryptography(self):
        client = self.client
        key = client.create(
            enums.CryptographicAlgorithm.HMAC_SHA256, 256, cryptographic_usage_mask=[MASK.MAC_GENERATE, MASK.MAC_VERIFY]
        )
        client.activate(key)
        with self.call("mac"):
            _, code = client.mac(b"data", key, enums.CryptographicAlgorithm.HMAC_SHA256)
            must(len(code) == 32, code)
        public = private = None
        with self.call("create_key_pair"):
            public, private = client.create_key_pair(
                enums.CryptographicAlgorithm.RSA, 2048, public_usage_mask=[MASK.VERIFY], private_usage_mask=[MASK.SIGN]
            )
            client.activate(public)
            client.activate(private)
        parameters = {
            "padding_method": enums.PaddingMethod.PKCS1v15,
            "cryptographic_algorithm": enums.CryptographicAlgorithm.RSA,
            "hashing_algorithm": enums.HashingAlgorithm.SHA_256,
        }
        signature = b""
        with self.call("sign"):
            signature = client.sign(b"data", private, cryptographic_parameters=parameters)
        with self.call("signature_verify"):
            found = client.signature_verify(b"data", signature, public, cryptographic_parameters=parameters)
            must(found == enums.ValidityIndicator.VALID, found)
        with self.call("rekey"):
            client.rekey(key)
        with self.call("derive_key"):
            client.derive_key(
                enums.ObjectType.SYMMETRIC_KEY, [key], enums.DerivationMethod.HASH, {}, cryptographic_length=128,
                cryptographic_algorithm=AES,
            )


for version, name in VERSIONS.items():
    client = ProxyKmipClient(
        hostname=world["host"], port=world["port"], cert=world["client_certificate"], key=world["client_key"], ca=world["ca"],
        ssl_version="PROTOCOL_TLSv1_2", kmip_version=getattr(enums.KMIPVersion, name),
    )
    with client:
        calls = Calls(version, client)
        calls.lifecycle()
        calls.attributes()
        calls.objects()
        calls.cryptography()

own = ["open", "close", "kmip_version"]
outcome.uncalled(name for name in dir(ProxyKmipClient) if not name.startswith("_") and name not in own)
