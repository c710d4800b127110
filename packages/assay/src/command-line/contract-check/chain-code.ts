/** The code at an address, with what vouches for it: a proof under a block hash that the user knows, or the RPC alone. */

import { keccakOf, provenAccount, provenSlot, stateRootOf } from '@assay/contracts';
import { CliError } from '../errors.ts';
import type { ChainRpc } from './rpc.ts';

export interface ChainCode {
  readonly address: string;
  readonly code: Uint8Array;
  readonly keccak256: string;
}

/** The block at which everything is asked. */
export interface ChainBlock {
  readonly number: string;
  readonly hash: string;
  readonly stateRoot: string;
  /** `known`: its hash was given by the user; `rpc`: the RPC named it, and is trusted. */
  readonly word: 'known' | 'rpc';
}

/**
 * The block to ask at: the one whose hash is given, or the newest.
 * @throws {ContractsError} `chain/proof-invalid` for a block that does not hash to it.
 * @example const newest = await blockOf(rpc, null)
 */
export async function blockOf(rpc: ChainRpc, knownHash: string | null): Promise<ChainBlock> {
  const block =
    knownHash === null
      ? await rpc.object('eth_getBlockByNumber', ['latest', false])
      : await rpc.object('eth_getBlockByHash', [knownHash, false]);
  const hash = knownHash ?? String(block.hash);
  return {
    number: String(block.number),
    hash,
    stateRoot: stateRootOf(block, hash),
    word: knownHash === null ? 'rpc' : 'known',
  };
}

/**
 * The code, which the proof of its account must agree with.
 * @throws {CliError} `cli/rpc-lies` when `eth_getCode` and `eth_getProof` differ; {ContractsError} `chain/proof-invalid`, `chain/proof-malformed`.
 */
export async function codeAt(rpc: ChainRpc, address: string, block: ChainBlock): Promise<ChainCode> {
  const code = await rpc.bytes('eth_getCode', [address, block.number]);
  const { accountProof } = await rpc.object('eth_getProof', [address, [], block.number]);
  const { codeHash } = provenAccount(block.stateRoot, address, listOf(accountProof));
  const actual = keccakOf(code);
  if (codeHash === actual) return { address, code, keccak256: actual };
  throw new CliError(
    'cli/rpc-lies',
    `expected code that hashes to ${codeHash}, which the account's proof shows, got ${actual}; do not believe this RPC`,
  );
}

/**
 * Words of storage, each proven under the block: `0x` and 64 hex characters, in the order of `slots`.
 * @throws {ContractsError} `chain/proof-invalid`, `chain/proof-malformed`, also from an RPC that proves no storage.
 */
export async function slotsAt(
  rpc: ChainRpc,
  address: string,
  slots: readonly string[],
  block: ChainBlock,
): Promise<readonly string[]> {
  const { accountProof, storageProof } = await rpc.object('eth_getProof', [address, slots, block.number]);
  const { storageRoot } = provenAccount(block.stateRoot, address, listOf(accountProof));
  const proofs = listOf(storageProof) as readonly ({ readonly proof?: unknown } | null)[];
  return slots.map((slot, index) => provenSlot(storageRoot, slot, listOf(proofs[index]?.proof)));
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
