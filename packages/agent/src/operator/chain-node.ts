/**
 * One JSON-RPC node of a chain, as far as transactions need it. What it says is its claim: the chain id is held against the policy's,
 * amounts against its limits. Every call has a deadline, every answer a bound, and no redirect is followed; nothing here signs.
 */

import { withoutTrailing } from '@assay/encoding/text-ends';
import {
  type ChainSettings,
  carriedBy,
  type Hex,
  parseSignedTransaction,
  serializeSigned,
  type TransactionType,
} from '@assay/operator';
import { createPublicClient, http, type PublicClient, type Transaction } from 'viem';
import { ServerError } from '../errors.ts';

const TIMEOUT_MS = 10_000;
const PLAIN_GAS = 21_000n;
/** What an authorisation costs at most (EIP-7702, PER_EMPTY_ACCOUNT_COST). */
export const AUTHORIZATION_GAS = 25_000n;
/** A block with its transactions is the largest answer. */
const MAX_ANSWER_BYTES = 16 * 1024 * 1024;

/** What a node says before a transaction is made. */
export interface ChainFacts {
  /** Transactions of the wallet that are final or in the newest block. */
  readonly confirmedNonce: number;
  readonly feePerGas: bigint;
  /** 0 for legacy transactions. */
  readonly priorityFeePerGas: bigint;
  /** Twice the price of blob gas now; 0 for transactions without blobs. */
  readonly feePerBlobGas: bigint;
  readonly gas: bigint;
  /** The node's word for what a call of the transaction gives: `ok`, or why not. */
  readonly simulation: string;
}

/** What is asked about. */
export interface PlannedCall {
  readonly from: Hex;
  /** `null`: a contract is created. */
  readonly to: Hex | null;
  readonly value: bigint;
  readonly data: Hex;
  /** `null`: the node estimates it. */
  readonly gas: bigint | null;
}

/** What became of a transaction, as a node says. */
export type ChainStatus =
  | {
      readonly state: 'included';
      readonly blockNumber: bigint;
      readonly blockHash: Hex;
      readonly success: boolean;
      readonly confirmations: number;
    }
  | { readonly state: 'unknown'; readonly confirmedNonce: number };

/** How sending ended. */
export type SendOutcome = { readonly sent: true } | { readonly sent: false; readonly reason: string };

/** What nodes say when they have the transaction already. */
const KNOWN = /already known|known transaction|already imported|ALREADY_EXISTS/i;

/** Clients that are kept: making one costs as much as a decision. Policies name few nodes. */
const MOST_NODES = 64;
const nodes = new Map<string, ChainNode>();

export class ChainNode {
  readonly url: string;
  readonly #client: PublicClient;

  /** The node at an address; its client is made once. */
  static at(url: string): ChainNode {
    const known = nodes.get(url) ?? new ChainNode(url);
    if (nodes.size >= MOST_NODES) nodes.clear();
    nodes.set(url, known);
    return known;
  }

  private constructor(url: string) {
    this.url = url;
    const bounds = { timeout: TIMEOUT_MS, retryCount: 0, maxResponseBodySize: MAX_ANSWER_BYTES };
    this.#client = createPublicClient({ transport: http(url, { ...bounds, fetchOptions: { redirect: 'error' } }) });
  }

  /**
   * What the transaction needs to know.
   * @throws {ServerError} `operator/node-unreachable`; `operator/node-refused` when the node is of another chain.
   */
  async facts(chainId: number, chain: ChainSettings, call: PlannedCall, type: TransactionType): Promise<ChainFacts> {
    const client = this.#client;
    const { from: account, to, value, data } = call;
    const planned = { account, to, value, data } as const;
    const added = type === 'eip7702' ? AUTHORIZATION_GAS : 0n; // the node is asked about the call alone
    const [actual, confirmedNonce, fees, blobBaseFee, gas, simulation] = await this.#ask(() =>
      Promise.all([
        client.getChainId(),
        client.getTransactionCount({ address: account, blockTag: 'latest' }),
        this.#fees(chain, type === 'legacy'),
        type === 'eip4844' ? client.getBlobBaseFee() : 0n,
        call.gas ?? this.#gas(planned).then((estimated) => (estimated === null ? null : estimated + added)),
        client.call(planned).then(
          () => 'ok',
          (error: unknown) => shortMessage(error),
        ),
      ]),
    );
    if (actual !== chainId)
      throw new ServerError(
        'operator/node-refused',
        `expected a node of chain ${chainId}, got one of ${actual} at ${origin(this.url)}; mend the policy or the node`,
      );
    if (gas === null)
      throw new ServerError(
        'operator/node-refused',
        `the node cannot estimate the gas: ${simulation}; send gas, or mend the transaction`,
      );
    return { confirmedNonce, ...fees, feePerBlobGas: blobBaseFee * 2n, gas, simulation };
  }

  /** Gas of a call; `null`: the node cannot say. */
  async #gas(call: { readonly account: Hex; readonly to: Hex | null; readonly value: bigint; readonly data: Hex }) {
    if (call.data === '0x' && call.to !== null) return PLAIN_GAS;
    return this.#client.estimateGas(call).catch(() => null);
  }

  /** Sends signed bytes. A node that has them already took them. */
  async send(signed: Hex): Promise<SendOutcome> {
    try {
      await this.#client.sendRawTransaction({ serializedTransaction: signed });
      return { sent: true };
    } catch (error) {
      const reason = shortMessage(error);
      return KNOWN.test(reason) ? { sent: true } : { sent: false, reason };
    }
  }

  /**
   * What became of a transaction.
   * @throws {ServerError} `operator/node-unreachable`.
   */
  async status(hash: Hex, wallet: Hex): Promise<ChainStatus> {
    return this.#ask(async () => {
      // The count first: a transaction that gets into a block between the two questions must not look replaced.
      const confirmedNonce = await this.#client.getTransactionCount({ address: wallet, blockTag: 'latest' });
      const receipt = await this.#client.getTransactionReceipt({ hash }).catch((error: unknown) => {
        if (isNotFound(error)) return null;
        throw error;
      });
      if (receipt === null) return { state: 'unknown', confirmedNonce };
      const [head, block] = await Promise.all([
        this.#client.getBlockNumber({ cacheTime: 0 }),
        this.#client.getBlock({ blockNumber: receipt.blockNumber }),
      ]);
      // A block that is not in the chain any more holds nothing; then the count is not believed either.
      if (block.hash !== receipt.blockHash) return { state: 'unknown', confirmedNonce: 0 };
      return {
        state: 'included',
        blockNumber: receipt.blockNumber,
        blockHash: receipt.blockHash,
        success: receipt.status === 'success',
        confirmations: Number(head - receipt.blockNumber) + 1,
      };
    });
  }

  /**
   * The hash of the transaction that used a nonce of the wallet, found in the block in which the count passed it. Its signature proves that
   * it is the wallet's; that its block is the chain's is the node's claim. `null`: this node does not show one.
   * @throws {ServerError} `operator/node-unreachable`, also for a node that keeps no state of that time.
   */
  async userOf(nonce: number, chainId: number, wallet: Hex): Promise<Hex | null> {
    return this.#ask(async () => {
      const usedAt = async (blockNumber: bigint): Promise<boolean> =>
        (await this.#client.getTransactionCount({ address: wallet, blockNumber })) > nonce;
      let used = await this.#client.getBlockNumber({ cacheTime: 0 });
      if (!(await usedAt(used))) return null;
      let free: bigint | null = null;
      for (let step = 1n; free === null; step *= 2n) {
        if (used === 0n) return null;
        const earlier: bigint = used > step ? used - step : 0n;
        if (await usedAt(earlier)) used = earlier;
        else free = earlier;
      }
      while (used - free > 1n) {
        const middle: bigint = (used + free) / 2n;
        if (await usedAt(middle)) used = middle;
        else free = middle;
      }
      const { transactions } = await this.#client.getBlock({ blockNumber: used, includeTransactions: true });
      for (const each of transactions)
        if (each.from.toLowerCase() === wallet && each.nonce === nonce) return signedHash(each, chainId, wallet);
      return null;
    });
  }

  async #fees(chain: ChainSettings, legacy: boolean): Promise<Pick<ChainFacts, 'feePerGas' | 'priorityFeePerGas'>> {
    const client = this.#client;
    if (legacy) return { feePerGas: await client.getGasPrice(), priorityFeePerGas: 0n };
    const block = await client.getBlock({ blockTag: 'latest' });
    if (block.baseFeePerGas === null) return { feePerGas: await client.getGasPrice(), priorityFeePerGas: 0n };
    const wanted = await client.estimateMaxPriorityFeePerGas().catch(() => 1_000_000n);
    const most = BigInt(chain.max_fee_per_gas);
    const full = block.baseFeePerGas * 2n + wanted;
    // Twice the base fee is headroom; it may be cut, but not below what the next block asks.
    const feePerGas = full > most && block.baseFeePerGas + wanted <= most ? most : full;
    return { feePerGas, priorityFeePerGas: wanted };
  }

  async #ask<Answer>(ask: () => Promise<Answer>): Promise<Answer> {
    try {
      return await ask();
    } catch (cause) {
      if (ServerError.is(cause)) throw cause;
      throw new ServerError(
        'operator/node-unreachable',
        `the node at ${origin(this.url)} gave no answer: ${shortMessage(cause)}; try again, or use another of the policy`,
        { cause },
      );
    }
  }
}

/** The hash of a transaction as a node shows it, when the wallet signed exactly that. */
async function signedHash(shown: Transaction, chainId: number, wallet: Hex): Promise<Hex | null> {
  const { type, nonce, to, value, input, gas, r, s, v, hash } = shown;
  if (type !== 'legacy' && type !== 'eip1559' && type !== 'eip4844' && type !== 'eip7702') return null;
  const fees =
    type === 'legacy'
      ? { feePerGas: shown.gasPrice ?? 0n, priorityFeePerGas: 0n }
      : { feePerGas: shown.maxFeePerGas ?? 0n, priorityFeePerGas: shown.maxPriorityFeePerGas ?? 0n };
  const odd = type === 'legacy' ? (v - 35n) % 2n === 1n : v % 2n === 1n;
  const signature: Hex = `0x${r.slice(2).padStart(64, '0')}${s.slice(2).padStart(64, '0')}${odd ? '1c' : '1b'}`;
  const receiver = to === null ? null : (to.toLowerCase() as Hex);
  const unsigned = { type, chainId, nonce, to: receiver, value, data: input, gas, ...fees, ...carriedBy(shown) } as const;
  const signed = await parseSignedTransaction(serializeSigned(unsigned, signature)).catch(() => null);
  return signed !== null && signed.from === wallet && signed.hash === hash ? signed.hash : null;
}

/** The address without a path, which may hold a key. */
function origin(url: string): string {
  return new URL(url).origin;
}

function isNotFound(error: unknown): boolean {
  return error instanceof Error && error.name === 'TransactionReceiptNotFoundError';
}

/** The node's words in one line, without what was asked and without its address. */
function shortMessage(error: unknown): string {
  const { details, shortMessage: short, message } = error as { details?: string; shortMessage?: string; message?: string };
  const words = details ?? short ?? message ?? 'no reason';
  const line = words
    .replaceAll(/https?:\/\/\S+/g, '…')
    .replaceAll(/[\p{Cc}\s]+/gu, ' ')
    .trim();
  return withoutTrailing(line, '.').slice(0, 200);
}
