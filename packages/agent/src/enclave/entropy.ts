/**
 * Random bytes of the Nitro Secure Module for the kernel's pool (`Request::GetRandom`). An enclave starts from the same memory every time, so its
 * first keys must not rest on what the kernel gathered until then. They are mixed in; a module that lies takes nothing away.
 */

import { writeFile } from 'node:fs/promises';
import { type CborValue, decodeCbor, encodeCbor } from '@assay/encoding/cbor';
import type { NsmExchange } from '../adapters/attesters/nitro/nitro.ts';
import { ServerError } from '../errors.ts';

const ROUNDS = 4; // 256 bytes each, as the module gives them
const LEAST = 32; // bytes a round

/** @throws {ServerError} `attester/unavailable` when the module gives no random bytes, or always the same. */
export async function seedEntropy(exchange: NsmExchange, pool = '/dev/random'): Promise<void> {
  const seen = new Set<string>();
  for (let round = 0; round < ROUNDS; round += 1) {
    const response = decodeCbor(await exchange(encodeCbor('GetRandom')));
    const inner = response instanceof Map ? response.get('GetRandom') : undefined;
    const random: CborValue | undefined = inner instanceof Map ? inner.get('random') : undefined;
    if (!(random instanceof Uint8Array) || random.length < LEAST || seen.has(Buffer.from(random).toString('hex')))
      throw new ServerError(
        'attester/unavailable',
        `expected fresh random bytes from the Nitro Secure Module, got ${random instanceof Uint8Array ? `${random.length} used ones` : 'another response'}; start the enclave again`,
      );
    seen.add(Buffer.from(random).toString('hex'));
    await writeFile(pool, random, { flag: 'r+' });
  }
}
