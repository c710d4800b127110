"""An independent computation of spec/model-identity.md, over the libraries of the formats' makers (`gguf`, `safetensors`)."""

import hashlib
import json
import os
import sys

from gguf import GGML_QUANT_SIZES, GGMLQuantizationType, GGUFReader
from safetensors import safe_open


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def jcs(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def section(fields, wanted):
    raw = [(name.encode(), b"".join(bytes(part.tobytes()) for part in field.parts)) for name, field in fields.items() if wanted(name)]
    return sha256(b"".join(data for _, data in sorted(raw))) if raw else None


def is_template(key):
    return key in ("tokenizer.chat_template", "tokenizer.chat_templates") or key.startswith("tokenizer.chat_template.")


def is_architecture(key):
    if key in ("general.architecture", "general.quantization_version") or key.startswith("general.sampling."):
        return True
    return key.split(".")[0] not in ("general", "split", "quantize", "tokenizer")


def of_gguf(path):
    reader = GGUFReader(path)
    fields = {name: field for name, field in reader.fields.items() if not name.startswith("GGUF.")}
    tensors = [
        {"digest": sha256(t.data.tobytes()), "name": t.name, "shape": [int(n) for n in reversed(t.shape)], "type": t.tensor_type.name}
        for t in reader.tensors
    ]
    return {
        "architecture": {
            "digest": section(fields, is_architecture),
            "name": bytes(fields["general.architecture"].parts[-1]).decode(),
        },
        "chat_template": section(fields, is_template),
        "container": "gguf",
        "format": "assay-model/1",
        "tensors": {
            "bytes": sum(int(t.n_bytes) for t in reader.tensors),
            "count": len(tensors),
            "digest": sha256(jcs(sorted(tensors, key=lambda t: t["name"]))),
        },
        "tokenizer": section(fields, lambda key: key.startswith("tokenizer.") and not is_template(key)),
    }


def tensors_of_safetensors(path):
    """Digests by the maker's reader, which gives values; their bytes are those of the file."""
    with safe_open(path, "numpy") as file:
        return {name: sha256(file.get_tensor(name).tobytes()) for name in file.keys()}


def main():
    if sys.argv[1] == "types":
        return {str(kind.value): [kind.name, *GGML_QUANT_SIZES[kind]] for kind in GGMLQuantizationType}
    if sys.argv[1] == "safetensors":
        return tensors_of_safetensors(sys.argv[2])
    identity = of_gguf(os.path.abspath(sys.argv[1]))
    return {"digest": "sha256:" + sha256(jcs(identity)), "identity": identity}


print(json.dumps(main()))
