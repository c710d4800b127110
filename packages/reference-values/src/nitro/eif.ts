/**
 * Enclave image files (EIF) of AWS Nitro Enclaves, versions 3 and 4: bytes → sections
 * (https://github.com/aws/aws-nitro-enclaves-image-format, README and src/defs). Numbers are big-endian. Refused, where the vendor's
 * reader is lenient: sections that overlap, have gaps, stand in another order than the header says, or are counted wrongly;
 * trailing bytes; a wrong checksum. Not checked here: the signature (eif-signature.ts), and that a kernel is one.
 */

import { crc32 } from 'node:zlib';
import { ByteReader } from '@assay/encoding/reader';
import { ReferenceValuesError, reading } from '../errors.ts';

const MAGIC = 0x2e656966; // ".eif"
const VERSIONS = [3, 4];
const HEADER_BYTES = 548;
const SECTION_HEADER_BYTES = 12;
const MAX_SECTIONS = 32;
const ARM64 = 0x1;
/** Longest image, bytes. */
export const MAX_EIF_BYTES = 1024 * 1024 * 1024;

const SECTION_KINDS = { 1: 'kernel', 2: 'cmdline', 3: 'ramdisk', 4: 'signature', 5: 'metadata' } as const;
type SectionKind = (typeof SECTION_KINDS)[keyof typeof SECTION_KINDS];

interface Section {
  readonly kind: SectionKind;
  /** A view into the file. */
  readonly bytes: Uint8Array;
}

export interface Eif {
  readonly version: number;
  readonly architecture: 'x86_64' | 'aarch64';
  readonly kernel: Uint8Array;
  /** As the loader hands it to the kernel, without a closing NUL. */
  readonly cmdline: Uint8Array;
  /** The first is the vendor's init; the others hold the application. */
  readonly ramdisks: readonly [Uint8Array, ...Uint8Array[]];
  /** CBOR, or `null` for an unsigned image. */
  readonly signature: Uint8Array | null;
  /** JSON, unmeasured; or `null`. */
  readonly metadata: Uint8Array | null;
}

interface Header {
  readonly version: number;
  readonly flags: number;
  readonly places: readonly { readonly offset: number; readonly size: number }[];
  readonly checksum: number;
}

/**
 * @param file a whole EIF, at most 1 GiB.
 * @throws {ReferenceValuesError} `eif/malformed`, `eif/unsupported`, `eif/checksum-mismatch`.
 * @example const { kernel, ramdisks } = parseEif(await readFile('app.eif'));
 */
export function parseEif(file: Uint8Array): Eif {
  if (file.length > MAX_EIF_BYTES) throw malformed(`expected at most ${MAX_EIF_BYTES} bytes, got ${file.length}`);
  const header = reading('eif/malformed', 'EIF header', () => parseHeader(file));
  const sections = sectionsOf(file, header);
  const checksum = crc32(file.subarray(HEADER_BYTES), crc32(file.subarray(0, HEADER_BYTES - 4)));
  if (checksum !== header.checksum)
    throw new ReferenceValuesError(
      'eif/checksum-mismatch',
      `expected CRC-32 ${hex32(header.checksum)} as the header says, got ${hex32(checksum)}; the file is damaged, build or fetch it again`,
    );
  return assembled(header, sections);
}

function parseHeader(file: Uint8Array): Header {
  const reader = new ByteReader(file, 'EIF');
  if (file.length < 4 || reader.u32be() !== MAGIC) throw malformed('expected a file that begins with ".eif", got another');
  const version = reader.u16be();
  if (!VERSIONS.includes(version))
    throw new ReferenceValuesError(
      'eif/unsupported',
      `expected EIF version ${VERSIONS.join(' or ')}, got ${version}; build the image with a current nitro-cli`,
    );
  const flags = reader.u16be();
  reader.skip(8 + 8 + 2); // default memory, default processors, reserved
  const count = reader.u16be();
  if (count > MAX_SECTIONS) throw malformed(`expected at most ${MAX_SECTIONS} sections, got ${count}`);
  const offsets = Array.from({ length: MAX_SECTIONS }, () => reader.u64be());
  const sizes = Array.from({ length: MAX_SECTIONS }, () => reader.u64be());
  reader.skip(4);
  const checksum = reader.u32be();
  const places = offsets.slice(0, count).map((offset, index) => ({ offset: Number(offset), size: Number(sizes[index]) }));
  return { version, flags, places, checksum };
}

/** The sections as they follow each other; each must be where the header says. */
function sectionsOf(file: Uint8Array, { places }: Header): readonly Section[] {
  let expected = HEADER_BYTES;
  const sections = places.map(({ offset, size }, index): Section => {
    if (offset !== expected) throw malformed(`expected section ${index} at byte ${expected}, got ${offset}`);
    const end = offset + SECTION_HEADER_BYTES + size;
    if (end > file.length) throw malformed(`expected ${end} bytes for section ${index}, got ${file.length}`);
    const reader = new ByteReader(file.subarray(offset, offset + SECTION_HEADER_BYTES), 'EIF section');
    const kind = SECTION_KINDS[reader.u16be() as keyof typeof SECTION_KINDS] as SectionKind | undefined;
    if (kind === undefined) throw malformed(`expected a known type of section ${index}, got another`);
    reader.skip(2);
    const stated = Number(reader.u64be());
    if (stated !== size) throw malformed(`expected ${size} bytes in section ${index}, got ${stated}`);
    expected = end;
    return { kind, bytes: file.subarray(offset + SECTION_HEADER_BYTES, end) };
  });
  if (expected !== file.length)
    throw malformed(`expected the end at byte ${expected}, got ${file.length - expected} more bytes`);
  return sections;
}

/** In front the kernel, then its command line; a signature last: the order in which they are measured. */
function assembled({ version, flags }: Header, sections: readonly Section[]): Eif {
  const of = (kind: SectionKind): readonly Uint8Array[] =>
    sections.filter((section) => section.kind === kind).map(({ bytes }) => bytes);
  const [kernel, cmdline] = [of('kernel'), of('cmdline')];
  const [signature, metadata] = [of('signature'), of('metadata')];
  const [first, ...others] = of('ramdisk');
  const last = sections.at(-1);
  if (sections[0]?.kind !== 'kernel' || sections[1]?.kind !== 'cmdline' || kernel.length !== 1 || cmdline.length !== 1)
    throw malformed('expected one kernel, then one command line, got another order');
  if (first === undefined) throw malformed('expected at least one ramdisk, got none');
  if (signature.length > 1 || metadata.length > 1 || (signature.length === 1 && last?.kind !== 'signature'))
    throw malformed('expected at most one signature, at the end, and at most one metadata section, got another order');
  return {
    version,
    architecture: (flags & ARM64) === 0 ? 'x86_64' : 'aarch64',
    kernel: kernel[0] as Uint8Array,
    cmdline: cmdline[0] as Uint8Array,
    ramdisks: [first, ...others],
    signature: signature[0] ?? null,
    metadata: metadata[0] ?? null,
  };
}

function malformed(message: string): ReferenceValuesError {
  return new ReferenceValuesError('eif/malformed', `${message}; build or fetch the image again`);
}

function hex32(value: number): string {
  return value.toString(16).padStart(8, '0');
}
