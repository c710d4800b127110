/** A signed transaction: who signed it, what it is, its hash. The reader takes what the agent signs: legacy with EIP-155, and EIP-1559. */

import {
  getContractAddress,
  keccak256,
  parseTransaction,
  recoverTransactionAddress,
  serializeTransaction,
  type TransactionSerializableEIP1559,
  type TransactionSerializableLegacy,
} from 'viem';
import { OperatorError } from './errors.ts';
import type { Hex } from './hex.ts';

/** A transaction before it is signed. */
export interface UnsignedTransaction {
  readonly type: 'legacy' | 'eip1559';
  readonly chainId: number;
  readonly nonce: number;
  /** `null` creates a contract from `data`. */
  readonly to: Hex | null;
  readonly value: bigint;
  readonly data: Hex;
  readonly gas: bigint;
  /** Of a legacy transaction the price, else the highest one. Wei. */
  readonly feePerGas: bigint;
  /** Of an EIP-1559 transaction; 0 for a legacy one. */
  readonly priorityFeePerGas: bigint;
}

/** What a signed transaction says. */
export interface SignedTransaction extends UnsignedTransaction {
  /** Lower case; recovered from the signature. */
  readonly from: Hex;
  /** Keccak-256 of the signed bytes. */
  readonly hash: Hex;
}

function serializable(unsigned: UnsignedTransaction): TransactionSerializableLegacy | TransactionSerializableEIP1559 {
  const { type, chainId, nonce, to, value, data, gas, feePerGas, priorityFeePerGas } = unsigned;
  const common = { chainId, nonce, ...(to === null ? {} : { to }), value, gas, ...(data === '0x' ? {} : { data }) };
  return type === 'legacy'
    ? { ...common, type, gasPrice: feePerGas }
    : { ...common, type, maxFeePerGas: feePerGas, maxPriorityFeePerGas: priorityFeePerGas };
}

/**
 * The address of the contract that a transaction of `from` with this nonce creates, lower case (Ethereum yellow paper, §7).
 * @example createdAddress('0x6ac7…dbf0', 0) // '0xcd23…cd8d'
 */
export function createdAddress(from: Hex, nonce: number): Hex {
  return getContractAddress({ from, nonce: BigInt(nonce) }).toLowerCase() as Hex;
}

/** The digest that the wallet signs; owners approve it. */
export function transactionDigest(unsigned: UnsignedTransaction): Hex {
  return keccak256(serializeTransaction(serializable(unsigned)));
}

/**
 * The signed bytes.
 * @param signature r, s and v (27 or 28), 65 bytes hex, over {@link transactionDigest}.
 */
export function serializeSigned(unsigned: UnsignedTransaction, signature: Hex): Hex {
  const parity = signature.endsWith('1c') ? 1 : 0;
  const parts = { r: signature.slice(0, 66) as Hex, s: `0x${signature.slice(66, 130)}` as Hex, yParity: parity };
  const v = unsigned.type === 'legacy' ? BigInt(unsigned.chainId * 2 + 35 + parity) : BigInt(parity);
  return serializeTransaction(serializable(unsigned), { ...parts, v });
}

/**
 * Reads signed bytes.
 * @throws {OperatorError} `operator/transaction-malformed` for other types, and bytes that are not their own encoding.
 * @example (await parseSignedTransaction('0xf866…')).from
 */
export async function parseSignedTransaction(bytes: Hex): Promise<SignedTransaction> {
  const malformed = (why: string, cause?: unknown): OperatorError =>
    new OperatorError('operator/transaction-malformed', `${why}; send the bytes as they were signed`, { cause });
  let parsed: ReturnType<typeof parseTransaction>;
  let from: string;
  try {
    parsed = parseTransaction(bytes);
    from = await recoverTransactionAddress({ serializedTransaction: bytes as never });
  } catch (cause) {
    throw malformed('expected a signed transaction, got other bytes', cause);
  }
  const { type, chainId, to, r, s, yParity, v } = parsed as typeof parsed & { readonly yParity?: number; readonly v?: bigint };
  if ((type !== 'legacy' && type !== 'eip1559') || chainId === undefined || r === undefined || s === undefined)
    throw malformed(`expected a legacy or EIP-1559 transaction with a chain, got ${type}`);
  const unsigned: UnsignedTransaction = {
    type,
    chainId,
    nonce: parsed.nonce ?? 0,
    to: to ? (to.toLowerCase() as Hex) : null,
    value: parsed.value ?? 0n,
    data: parsed.data ?? '0x',
    gas: parsed.gas ?? 0n,
    feePerGas: (type === 'legacy' ? parsed.gasPrice : parsed.maxFeePerGas) ?? 0n,
    priorityFeePerGas: parsed.maxPriorityFeePerGas ?? 0n,
  };
  const parity = yParity ?? (v === undefined ? 0 : Number((v - 35n) % 2n));
  const signature = `0x${r.slice(2).padStart(64, '0')}${s.slice(2).padStart(64, '0')}${parity === 1 ? '1c' : '1b'}` as Hex;
  if (serializeSigned(unsigned, signature) !== bytes.toLowerCase())
    throw malformed('expected the one encoding of a transaction, got another');
  return { ...unsigned, from: from.toLowerCase() as Hex, hash: keccak256(bytes) };
}
