/**
 * Writes enclave image files, version 4, as the vendor's builder does (https://github.com/aws/aws-nitro-enclaves-image-format,
 * src/utils/mod.rs): kernel, command line, metadata, ramdisks, signature. The same parts give the same bytes.
 */

import { crc32 } from 'node:zlib';
import { joinBytes, utf8 } from '@assay/encoding/bytes';
import type { Eif } from './eif.ts';

const HEADER_BYTES = 548;
const SECTION_HEADER_BYTES = 12;
const SECTION_TYPES = { kernel: 1, cmdline: 2, ramdisk: 3, signature: 4, metadata: 5 } as const;
/** What the vendor's builder writes; nitro-cli run-enclave is told the real sizes. */
const DEFAULT_MEMORY = 1024n * 1024n * 1024n;
const DEFAULT_PROCESSORS = 2n;

export type EifParts = Pick<Eif, 'architecture' | 'kernel' | 'ramdisks'> & {
  readonly cmdline: string;
  /** JSON text of the builder about itself; unmeasured. */
  readonly metadata: string;
  /** As {@link Eif.signature}. */
  readonly signature?: Uint8Array | undefined;
};

/** @example await writeFile('app.eif', encodeEif({ architecture: 'x86_64', kernel, cmdline, ramdisks: [init, app], metadata: '{}' })) */
export function encodeEif({ architecture, kernel, cmdline, metadata, ramdisks, signature }: EifParts): Uint8Array {
  const sections: readonly (readonly [keyof typeof SECTION_TYPES, Uint8Array])[] = [
    ['kernel', kernel],
    ['cmdline', utf8(cmdline)],
    ['metadata', utf8(metadata)],
    ...ramdisks.map((ramdisk) => ['ramdisk', ramdisk] as const),
    ...(signature === undefined ? [] : [['signature', signature] as const]),
  ];
  const header = new Uint8Array(HEADER_BYTES);
  const view = new DataView(header.buffer);
  header.set(utf8('.eif'));
  view.setUint16(4, 4);
  view.setUint16(6, architecture === 'aarch64' ? 1 : 0);
  view.setBigUint64(8, DEFAULT_MEMORY);
  view.setBigUint64(16, DEFAULT_PROCESSORS);
  view.setUint16(26, sections.length);
  let offset = HEADER_BYTES;
  const body = sections.flatMap(([kind, bytes], index) => {
    view.setBigUint64(28 + 8 * index, BigInt(offset));
    view.setBigUint64(284 + 8 * index, BigInt(bytes.length));
    offset += SECTION_HEADER_BYTES + bytes.length;
    const start = new Uint8Array(SECTION_HEADER_BYTES);
    new DataView(start.buffer).setUint16(0, SECTION_TYPES[kind]);
    new DataView(start.buffer).setBigUint64(4, BigInt(bytes.length));
    return [start, bytes];
  });
  view.setUint32(
    HEADER_BYTES - 4,
    body.reduce((checksum, part) => crc32(part, checksum), crc32(header.subarray(0, HEADER_BYTES - 4))),
  );
  return joinBytes([header, ...body]);
}
