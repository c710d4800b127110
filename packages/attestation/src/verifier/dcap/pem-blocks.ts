/** Splits a PEM chain into its certificates, so that each can be looked up by its bytes. The blocks are not decoded here. */

import { utf8 } from '@assay/encoding/bytes';

const END = utf8('-----END CERTIFICATE-----');

/**
 * The text up to each end of a certificate; what stands behind the last one belongs to it. Text without any is one block.
 * @example for (const block of pemBlocks(chain)) certificates.push(...decodePem(decodeUtf8(block)));
 */
export function pemBlocks(data: Uint8Array): readonly Uint8Array[] {
  const blocks: Uint8Array[] = [];
  let start = 0;
  for (let at = data.indexOf(0x2d); at >= 0; at = data.indexOf(0x2d, at + 1)) {
    if (!END.every((byte, index) => data[at + index] === byte)) continue;
    at += END.length;
    blocks.push(data.subarray(start, at));
    start = at;
  }
  const last = blocks.pop();
  return last === undefined ? [data] : [...blocks, data.subarray(last.byteOffset - data.byteOffset)];
}
