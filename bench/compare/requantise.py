"""Writes a GGUF file again in other number formats, with the package `gguf` (PyPI, 0.19.0): a ladder of forms that Assay did not make.

python requantise.py MODEL.gguf FOLDER
"""

import sys
from pathlib import Path

import numpy as np
from gguf import GGMLQuantizationType, GGUFReader, GGUFValueType, GGUFWriter
from gguf.quants import dequantize, quantize

FORMS = {
    "F16": (GGMLQuantizationType.F16, 0.0),
    "Q8_0": (GGMLQuantizationType.Q8_0, 0.0),
    "Q5_0": (GGMLQuantizationType.Q5_0, 0.0),
    "Q4_0": (GGMLQuantizationType.Q4_0, 0.0),
    "noise": (GGMLQuantizationType.F16, 0.001),
}
BLOCK = 32
SEED = 20261129


def copy_metadata(reader: GGUFReader, writer: GGUFWriter) -> None:
    """Every key but those that the writer makes itself."""
    for name, field in reader.fields.items():
        if name.startswith("GGUF.") or name == "general.architecture":
            continue
        kind = field.types[0]
        member = field.types[-1] if kind == GGUFValueType.ARRAY else None
        writer.add_key_value(name, field.contents(), kind, sub_type=member)


def write_form(reader: GGUFReader, path: Path, kind: GGMLQuantizationType, noise: float) -> None:
    """Matrices in `kind`, with noise of that share of their root mean square; vectors as they are."""
    architecture = reader.fields["general.architecture"].contents()
    writer = GGUFWriter(path, architecture)
    copy_metadata(reader, writer)
    random = np.random.default_rng(SEED)
    for tensor in reader.tensors:
        if len(tensor.shape) < 2:
            writer.add_tensor(tensor.name, tensor.data, raw_dtype=tensor.tensor_type)
            continue
        values = dequantize(tensor.data, tensor.tensor_type).astype(np.float32)
        if noise > 0:
            values = values + np.float32(noise * np.sqrt(np.mean(values**2))) * random.standard_normal(values.shape, np.float32)
        to = kind if values.shape[-1] % BLOCK == 0 else GGMLQuantizationType.F16
        if to == GGMLQuantizationType.F16:
            writer.add_tensor(tensor.name, values.astype(np.float16))
        else:
            writer.add_tensor(tensor.name, quantize(values, to), raw_dtype=to)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def main() -> None:
    """Writes one file for each form."""
    source, folder = sys.argv[1], Path(sys.argv[2])
    reader = GGUFReader(source)
    for name, (kind, noise) in FORMS.items():
        write_form(reader, folder / f"{name}.gguf", kind, noise)


if __name__ == "__main__":
    main()
