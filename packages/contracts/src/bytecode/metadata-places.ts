/**
 * Where a contract's code holds hashes of metadata: its own, and those of contracts that it creates. Found by compiling the same input with
 * changed comments: only what depends on the metadata differs then. The hash is the 32 bytes around the difference; what surrounds it says
 * where it begins (CBOR of Solidity's "Contract Metadata").
 */

import type { CodeRange } from '../build/compiler-output.ts';

const HASH_BYTES = 32;
/** What stands before the hash: `ipfs` as a multihash (0x1220), Swarm's as a bare byte string (0x5820). */
const BEFORE: readonly (readonly number[])[] = [
  [0x58, 0x22, 0x12, 0x20],
  [0x58, 0x20],
];

/**
 * The places, or `null` when the two differ in more than hashes: then nothing may be taken out.
 * @param built code of the input. @param edited code of the same input, with changed comments.
 * @example const places = metadataPlaces(built, edited); if (places !== null) compareCode(artifact, chain, places)
 */
export function metadataPlaces(built: Uint8Array, edited: Uint8Array): readonly CodeRange[] | null {
  if (built.length !== edited.length) return null;
  const places: CodeRange[] = [];
  for (let at = 0; at < built.length; at++) {
    if (built[at] === edited[at]) continue;
    const start = hashStart(built, at);
    if (start === null) return null;
    places.push({ start, length: HASH_BYTES });
    at = start + HASH_BYTES - 1;
  }
  return places;
}

/** Where the hash begins that the byte at `at` belongs to: at most 31 bytes before it. */
function hashStart(code: Uint8Array, at: number): number | null {
  for (let start = at; start > at - HASH_BYTES && start >= 0; start--) {
    const found = BEFORE.some((before) => before.every((byte, i) => code[start - before.length + i] === byte));
    if (found && start + HASH_BYTES <= code.length) return start;
  }
  return null;
}

/**
 * The sources with a comment behind each: the same code, other metadata.
 * @example const edited = withOtherMetadata({ 'src/Token.sol': source })
 */
export function withOtherMetadata(sources: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(sources).map(([name, text]) => [name, `${text}\n// assay`]));
}
