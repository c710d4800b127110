"""A client written from the tutorial "Secure Communication with TEE" (seed 004) alone: its steps, its names, its library."""

import json
import os
import sys
import urllib.request

import nitro_document
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF


class Signer:
    def __init__(self):
        self.private_key = ec.generate_private_key(ec.SECP384R1())

    def get_public_key_der(self):
        return self.private_key.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )

    def encrypt(self, public_key, nonce, data):
        peer = serialization.load_der_public_key(public_key)
        shared = self.private_key.exchange(ec.ECDH(), peer)
        key = HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=b"encryption data").derive(shared)
        return AESGCM(key).encrypt(nonce, data, None)


def verify_signature(pub_key, msg, signature):
    try:
        serialization.load_der_public_key(pub_key).verify(signature, msg, ec.ECDSA(hashes.SHA384()))
        return True
    except InvalidSignature:
        return False


def call(url, body=None):
    headers = {"content-type": "application/json"}
    request = urllib.request.Request(url, data=None if body is None else json.dumps(body).encode(), headers=headers)
    with urllib.request.urlopen(request) as response:
        return json.load(response)


class ClientRequest:
    def __init__(self):
        self.api_key = os.getenv("PLATFORM_API_KEY")
        self.platform = os.getenv("PLATFORM")
        self.model = os.getenv("MODEL")
        if not self.api_key:
            raise Exception("API key is required")
        self.tee_endpoint = os.getenv("TEE_TLS_URL", "http://127.0.0.1:8000")
        self.signer = Signer()
        self.init_keys()

    def init_keys(self):
        if not self.verify_attestation():
            raise Exception("Attestation failed")
        self.public_key = self.att["public_key"].hex()

    def verify_attestation(self):
        att = call(f"{self.tee_endpoint}/attestation")
        if att.get("mock"):
            self.att = {"public_key": bytes.fromhex(att["attestation_doc"]["public_key"])}
            return True
        doc = att["attestation_doc"]
        self.att = nitro_document.decode_attestation_dict(doc)
        return nitro_document.verify_attestation(doc, os.environ["ROOT_PEM"])

    def chat(self, message):
        data = {"api_key": self.api_key, "message": message, "platform": self.platform, "ai_model": self.model}
        nonce = os.urandom(32)
        req = {
            "nonce": nonce.hex(),
            "public_key": self.signer.get_public_key_der().hex(),
            "data": self.signer.encrypt(bytes.fromhex(self.public_key), nonce, json.dumps(data).encode()).hex(),
        }
        resp = call(f"{self.tee_endpoint}/talk", req)
        if "error" in resp:
            return {"error": resp["error"]}
        return {
            "response": resp["data"]["response"],
            "platform": resp["data"]["platform"],
            "verify signature": self.verify_sig(resp["data"], resp["sig"]),
            "verify canonical": verify_signature(
                bytes.fromhex(self.public_key),
                json.dumps(resp["data"], separators=(",", ":"), sort_keys=True).encode(),
                bytes.fromhex(resp["sig_canonical"]),
            ),
        }

    def verify_sig(self, data, sig):
        return verify_signature(
            pub_key=bytes.fromhex(self.public_key), msg=json.dumps(data).encode(), signature=bytes.fromhex(sig)
        )


print(json.dumps(ClientRequest().chat(sys.argv[1])))
