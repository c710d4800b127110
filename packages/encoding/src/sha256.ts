/**
 * SHA-256 (FIPS 180-4) at once, by Node's own crypto where Node runs this and by @noble/hashes elsewhere: the same digests, ten times as fast on long
 * input. sha256.test.ts holds the two equal.
 */

import { sha256 as portable } from '@noble/hashes/sha2.js';
import { utf8 } from './bytes.ts';
import { encodeHex } from './hex.ts';
import { type ModuleHost, nodeModule } from './node-module.ts';

/** The part of `node:crypto` that is used here, without a dependency on Node's types. */
interface NodeHash {
  hash(algorithm: 'sha256', content: Uint8Array | string, output: 'hex'): string;
  hash(algorithm: 'sha256', content: Uint8Array | string, output: 'buffer'): Uint8Array<ArrayBuffer>;
}

/**
 * Node's crypto where it hashes in one call; `null` elsewhere.
 * @example nodeHash()?.hash('sha256', 'abc', 'hex')
 */
export function nodeHash(host?: ModuleHost): NodeHash | null {
  const node = nodeModule('node:crypto', host) as Partial<NodeHash> | null;
  return typeof node?.hash === 'function' ? (node as NodeHash) : null;
}

const NODE = nodeHash();

/**
 * The digest of bytes, or of the UTF-8 of a text: 32 bytes.
 * @example sha256(new Uint8Array([1, 2, 3]))
 */
export function sha256(content: Uint8Array | string, node: NodeHash | null = NODE): Uint8Array<ArrayBuffer> {
  if (node === null) return new Uint8Array(portable(bytesOf(content)));
  const { buffer, byteOffset, length } = node.hash('sha256', content, 'buffer');
  return new Uint8Array(buffer, byteOffset, length);
}

/**
 * The digest of bytes, or of the UTF-8 of a text, as 64 lower-case hex characters.
 * @example sha256Hex('abc') // 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'
 */
export function sha256Hex(content: Uint8Array | string, node: NodeHash | null = NODE): string {
  return node === null ? encodeHex(portable(bytesOf(content))) : node.hash('sha256', content, 'hex');
}

function bytesOf(content: Uint8Array | string): Uint8Array {
  return typeof content === 'string' ? utf8(content) : content;
}
