/** A chain with one account, whose code the test names: a block, and proofs under it that hold (EIP-1186, a trie of one leaf). */

import { keccakOf } from '@assay/contracts';
import { decodeHex, encodeHex } from '@assay/encoding/hex';
import { encodeRlp } from '../../packages/contracts/src/bytecode/rlp.ts';

const EMPTY_TRIE = '56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421';
const NUMBER = 0x10;
/** First byte of the path of a leaf with an even number of nibbles. */
const EVEN_LEAF = 0x20;

const bytes = (hex: string): Uint8Array => decodeHex(hex.replace(/^0x/, ''));
const zeros = (length: number): string => `0x${'00'.repeat(length)}`;

/** Members of the header, in its order. */
const header = (stateRoot: string) =>
  ({
    ...{ parentHash: zeros(32), sha3Uncles: zeros(32), miner: zeros(20), stateRoot, transactionsRoot: zeros(32) },
    ...{ receiptsRoot: zeros(32), logsBloom: zeros(256), difficulty: '0x0', number: `0x${NUMBER.toString(16)}` },
    ...{ gasLimit: '0x0', gasUsed: '0x0', timestamp: '0x0', extraData: '0x', mixHash: zeros(32), nonce: zeros(8) },
  }) as const;

/**
 * Answers `eth_getBlockByNumber`, `eth_getCode` and `eth_getProof`, each time for the code that `code` gives.
 * @throws {Error} for other methods.
 */
export function oneAccountChain(address: string, code: () => string): (method: string) => unknown {
  return (method) => {
    const account = encodeRlp([new Uint8Array(0), new Uint8Array(0), bytes(EMPTY_TRIE), bytes(keccakOf(bytes(code())))]);
    const path = Uint8Array.of(EVEN_LEAF, ...bytes(keccakOf(bytes(address))));
    const leaf = encodeRlp([path, account]);
    const block = header(keccakOf(leaf));
    const members = Object.values(block).map((member) =>
      member === '0x0' ? new Uint8Array(0) : member === block.number ? Uint8Array.of(NUMBER) : bytes(member),
    );
    switch (method) {
      case 'eth_getBlockByNumber':
        return { ...block, hash: keccakOf(encodeRlp(members)) };
      case 'eth_getCode':
        return code();
      case 'eth_getProof':
        return { accountProof: [`0x${encodeHex(leaf)}`], storageProof: Array.from({ length: 16 }, () => ({ proof: [] })) };
      default:
        throw new Error(`the method ${method} is not supported`);
    }
  };
}
