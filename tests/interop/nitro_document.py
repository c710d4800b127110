"""What the tutorial's `util/verifier.py` does for a Nitro document: CBOR, COSE_Sign1 under ES384, a chain up to a given root."""

import base64
import datetime

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

HALF = 48  # bytes of r and of s


def decode(data, at=0):
    """One CBOR item and the position behind it: the kinds that a Nitro document has."""
    major, low = data[at] >> 5, data[at] & 31
    at += 1
    if low < 24:
        value = low
    else:
        size = 1 << (low - 24)
        value = int.from_bytes(data[at : at + size], "big")
        at += size
    if major == 0:
        return value, at
    if major == 1:
        return -1 - value, at
    if major in (2, 3):
        content = data[at : at + value]
        return (content if major == 2 else content.decode()), at + value
    if major == 4:
        items = []
        for _ in range(value):
            item, at = decode(data, at)
            items.append(item)
        return items, at
    if major == 5:
        members = {}
        for _ in range(value):
            key, at = decode(data, at)
            members[key], at = decode(data, at)
        return members, at
    if major == 6:
        return decode(data, at)
    return {20: False, 21: True, 22: None}[low], at


def encode_bytes(content):
    head = bytes([0x40 | len(content)]) if len(content) < 24 else b"\x59" + len(content).to_bytes(2, "big")
    return head + content


def decode_attestation_dict(document):
    return decode(decode(base64.b64decode(document))[0][2])[0]


def verify_attestation(document, root_pem_path):
    protected, _, payload, signature = decode(base64.b64decode(document))[0]
    fields = decode(payload)[0]
    with open(root_pem_path, "rb") as file:
        root = x509.load_pem_x509_certificate(file.read())
    chain = [root, *map(x509.load_der_x509_certificate, fields["cabundle"][1:])]
    chain.append(x509.load_der_x509_certificate(fields["certificate"]))
    now = datetime.datetime.now(datetime.timezone.utc)
    try:
        for issuer, certificate in zip(chain, chain[1:]):
            certificate.verify_directly_issued_by(issuer)
        message = b"\x84\x6aSignature1" + encode_bytes(protected) + b"\x40" + encode_bytes(payload)
        r, s = (int.from_bytes(signature[half : half + HALF], "big") for half in (0, HALF))
        chain[-1].public_key().verify(encode_dss_signature(r, s), message, ec.ECDSA(hashes.SHA384()))
    except (InvalidSignature, ValueError, TypeError):
        return False
    return all(each.not_valid_before_utc <= now <= each.not_valid_after_utc for each in chain)
