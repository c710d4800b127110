/** Compiled code as bytes. Where a library's address is still open, the compiler prints a placeholder that is no hex. */

import { decodeHex } from '@assay/encoding/hex';
import { ContractsError } from '../errors.ts';
import type { CompiledCode } from './compiler-output.ts';

/** Bytes of an address. */
const ADDRESS_BYTES = 20;

/**
 * `source:library` of every library whose address the code still lacks, sorted.
 * @example openLibraries(code) // ['src/Math.sol:Math']
 */
export function openLibraries({ linkReferences }: CompiledCode): readonly string[] {
  return Object.entries(linkReferences)
    .flatMap(([source, libraries]) => Object.keys(libraries).map((name) => `${source}:${name}`))
    .sort();
}

/**
 * The code as bytes; addresses of libraries are 20 zero bytes (spec/contract-build.md §3).
 * @throws {ContractsError} `build/malformed` for code that is no hex outside of its link references.
 * @example const bytes = codeBytes(code); if (bytes.length > 24_576) console.error('over the limit of EIP-170')
 */
export function codeBytes(code: CompiledCode): Uint8Array {
  let hex = code.object;
  for (const ranges of Object.values(code.linkReferences).flatMap((libraries) => Object.values(libraries)))
    for (const { start, length } of ranges)
      hex = `${hex.slice(0, start * 2)}${'00'.repeat(Math.min(length, ADDRESS_BYTES))}${hex.slice((start + length) * 2)}`;
  try {
    return decodeHex(hex);
  } catch (cause) {
    throw new ContractsError(
      'build/malformed',
      'expected code as hex outside of its link references, got other text; build it again',
      {
        cause,
      },
    );
  }
}
