/**
 * Ties an account's code and storage to a block: the hash of a block's header covers its state root, and Merkle-Patricia proofs (EIP-1186)
 * show the account under it, and slots under the account. Not checked: that the block is part of the chain; its hash has to come from somebody who is believed.
 */

import { decodeHex, encodeHex } from '@assay/encoding/hex';
import { keccakOf } from '../digest.ts';
import { ContractsError } from '../errors.ts';
import { decodeRlp, encodeRlp, type RlpItem } from './rlp.ts';

/** Members of a block as `eth_getBlockByHash` gives them, in the order of the header; the last ones came with later forks. */
const HEADER = [
  ...[
    'parentHash',
    'sha3Uncles',
    'miner',
    'stateRoot',
    'transactionsRoot',
    'receiptsRoot',
    'logsBloom',
    'difficulty',
    'number',
    'gasLimit',
  ],
  ...[
    'gasUsed',
    'timestamp',
    'extraData',
    'mixHash',
    'nonce',
    'baseFeePerGas',
    'withdrawalsRoot',
    'blobGasUsed',
    'excessBlobGas',
  ],
  ...['parentBeaconBlockRoot', 'requestsHash'],
] as const;
const QUANTITIES = new Set([
  'difficulty',
  'number',
  'gasLimit',
  'gasUsed',
  'timestamp',
  'baseFeePerGas',
  'blobGasUsed',
  'excessBlobGas',
]);
const REQUIRED = 15;
const MAX_NODES = 128;
const EMPTY_CODE = '0xc5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470';
/** Root of a trie that holds nothing: Keccak-256 of the RLP of the empty string. */
const EMPTY_TRIE = '0x56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421';

/**
 * The state root of a block whose header hashes to `hash`.
 * @throws {ContractsError} `chain/proof-malformed`, `chain/proof-invalid`.
 * @example const account = provenAccount(stateRootOf(block, hash), address, proof)
 */
export function stateRootOf(block: Readonly<Record<string, unknown>>, hash: string): string {
  const members: Uint8Array[] = [];
  for (const [index, name] of HEADER.entries()) {
    const value = block[name];
    if (value === undefined || value === null) {
      if (index < REQUIRED) throw malformed(`a block with ${name}`);
      continue;
    }
    members.push(bytesOf(value, QUANTITIES.has(name)));
  }
  const actual = keccakOf(encodeRlp(members));
  if (actual !== hash.toLowerCase())
    throw new ContractsError(
      'chain/proof-invalid',
      `expected a block that hashes to ${hash}, got ${actual}; do not believe this RPC`,
    );
  return String(block.stateRoot).toLowerCase();
}

export interface ProvenAccount {
  /** Keccak-256 of its code. */
  readonly codeHash: string;
  readonly storageRoot: string;
}

/**
 * What the state of `stateRoot` has for `address`: an empty account where the proof shows that there is none.
 * @throws {ContractsError} `chain/proof-malformed`, `chain/proof-invalid`.
 * @example const { codeHash } = provenAccount(stateRoot, '0x4200000000000000000000000000000000000006', proof)
 */
export function provenAccount(stateRoot: string, address: string, proof: readonly unknown[]): ProvenAccount {
  const account = valueUnder(stateRoot, bytesOf(address, false), proof);
  if (account === null) return { codeHash: EMPTY_CODE, storageRoot: EMPTY_TRIE };
  const members = decodeRlp(account);
  const [storageRoot, codeHash] = Array.isArray(members) ? members.slice(2) : [];
  return { codeHash: hashOf(codeHash), storageRoot: hashOf(storageRoot) };
}

/**
 * The word that a slot of storage holds, `0x` and 64 hex characters; zero where the proof shows that nothing is there.
 * @param slot the slot's number, `0x` and 64 hex characters.
 * @throws {ContractsError} `chain/proof-malformed`, `chain/proof-invalid`.
 * @example provenSlot(provenAccount(stateRoot, address, accountProof).storageRoot, PROXY_SLOTS.implementation, storageProof[0].proof)
 */
export function provenSlot(storageRoot: string, slot: string, proof: readonly unknown[]): string {
  const encoded = valueUnder(storageRoot, bytesOf(slot, false), proof);
  const value = encoded === null ? new Uint8Array(0) : decodeRlp(encoded);
  if (!(value instanceof Uint8Array) || value.length > 32) throw malformed('a word of storage');
  return `0x${encodeHex(value).padStart(64, '0')}`;
}

/** What a trie holds under a key; `null` when the proof shows that it holds nothing. */
function valueUnder(root: string, key: Uint8Array, proof: readonly unknown[]): Uint8Array | null {
  if (root === EMPTY_TRIE) return null;
  if (proof.length === 0 || proof.length > MAX_NODES) throw malformed(`a proof of 1 to ${MAX_NODES} nodes`);
  const path = keccakOf(key).slice(2);
  let expected = root.slice(2);
  let at = 0;
  for (const [index, encoded] of proof.entries()) {
    const bytes = bytesOf(encoded, false);
    if (keccakOf(bytes).slice(2) !== expected) throw invalid(`node ${index} hashes to another value`);
    const node = decodeRlp(bytes);
    if (!Array.isArray(node)) throw malformed('a node that is a list');
    const step = follow(node, path, at);
    if (step.kind === 'absent') return null;
    if (step.kind === 'value') {
      if (index !== proof.length - 1) throw invalid('nodes follow the value');
      return step.value;
    }
    expected = encodeHex(step.next);
    at = step.at;
  }
  throw invalid('it ends before the value');
}

type Step =
  | { readonly kind: 'absent' }
  | { readonly kind: 'value'; readonly value: Uint8Array }
  | { readonly kind: 'node'; readonly next: Uint8Array; readonly at: number };

function follow(node: readonly RlpItem[], path: string, at: number): Step {
  if (node.length === 17) {
    const child = node[Number.parseInt(path[at] ?? '', 16)];
    if (!(child instanceof Uint8Array)) throw invalid('a branch without the child');
    return child.length === 0 ? { kind: 'absent' } : { kind: 'node', next: child, at: at + 1 };
  }
  const [key, value] = node;
  if (node.length !== 2 || !(key instanceof Uint8Array) || !(value instanceof Uint8Array))
    throw malformed('a branch, an extension or a leaf');
  const hex = encodeHex(key);
  const flag = Number.parseInt(hex[0] ?? 'f', 16);
  if (flag > 3) throw malformed('a path with a known flag');
  const part = hex.slice(flag % 2 === 1 ? 1 : 2);
  const same = path.startsWith(part, at);
  if (flag >= 2) return same && at + part.length === path.length ? { kind: 'value', value } : { kind: 'absent' };
  return same ? { kind: 'node', next: value, at: at + part.length } : { kind: 'absent' };
}

function hashOf(member: RlpItem | undefined): string {
  if (!(member instanceof Uint8Array) || member.length !== 32)
    throw malformed('an account with hashes of its code and storage');
  return `0x${encodeHex(member)}`;
}

/** Quantities lose their leading zeros, as RLP wants them. */
function bytesOf(value: unknown, quantity: boolean): Uint8Array {
  const hex = typeof value === 'string' ? /^0x([0-9a-fA-F]*)$/.exec(value)?.[1] : undefined;
  if (hex === undefined) throw malformed('0x and hex');
  const digits = quantity ? hex.replace(/^0+/, '') : hex;
  return decodeHex((digits.length % 2 === 1 ? `0${digits}` : digits).toLowerCase());
}

function malformed(wanted: string): ContractsError {
  return new ContractsError('chain/proof-malformed', `expected ${wanted} from the RPC, got something else; ask another RPC`);
}

function invalid(why: string): ContractsError {
  return new ContractsError(
    'chain/proof-invalid',
    `expected a proof of account and storage, got one that is broken: ${why}; do not believe this RPC`,
  );
}
