/**
 * A signed transaction: who signed it, what it is, its hash. The reader takes what the agent signs: legacy with EIP-155, EIP-1559, EIP-4844
 * without its sidecar, EIP-7702.
 */

import {
  getContractAddress,
  isAddress,
  keccak256,
  parseTransaction,
  recoverTransactionAddress,
  serializeTransaction,
  type TransactionSerializable,
} from 'viem';
import type { SignedAuthorization } from './authorization.ts';
import { OperatorError } from './errors.ts';
import type { Hex } from './hex.ts';

/** `eip4844` carries blobs, `eip7702` an authorisation. */
export type TransactionType = 'legacy' | 'eip1559' | 'eip4844' | 'eip7702';

/** What a transaction says of its blobs. */
export interface BlobFields {
  /** Of the commitments, 32 bytes each. */
  readonly versionedHashes: readonly Hex[];
  /** Highest price of one blob gas, wei. */
  readonly feePerBlobGas: bigint;
}

/** A transaction before it is signed. */
export interface UnsignedTransaction {
  readonly type: TransactionType;
  readonly chainId: number;
  readonly nonce: number;
  /** `null` creates a contract from `data`; the newer two types cannot. */
  readonly to: Hex | null;
  readonly value: bigint;
  readonly data: Hex;
  readonly gas: bigint;
  /** Of a legacy transaction the price, else the highest one. Wei. */
  readonly feePerGas: bigint;
  /** 0 for a legacy transaction. */
  readonly priorityFeePerGas: bigint;
  /** Of `eip4844` alone. */
  readonly blobs?: BlobFields | undefined;
  /** Of `eip7702` alone, signed. */
  readonly authorizations?: readonly SignedAuthorization[] | undefined;
}

/** What a signed transaction says. */
export interface SignedTransaction extends UnsignedTransaction {
  /** Lower case; recovered from the signature. */
  readonly from: Hex;
  /** Keccak-256 of the signed bytes. */
  readonly hash: Hex;
}

function serializable(unsigned: UnsignedTransaction): TransactionSerializable {
  const { type, chainId, nonce, to, value, data, gas, feePerGas, priorityFeePerGas, blobs, authorizations = [] } = unsigned;
  const common = { chainId, nonce, ...(to === null ? {} : { to }), value, gas, ...(data === '0x' ? {} : { data }) };
  const fees = { maxFeePerGas: feePerGas, maxPriorityFeePerGas: priorityFeePerGas };
  switch (type) {
    case 'legacy':
      return { ...common, type, gasPrice: feePerGas };
    case 'eip1559':
      return { ...common, ...fees, type };
    case 'eip4844': {
      const { versionedHashes = [], feePerBlobGas = 0n } = blobs ?? {};
      const carried = { blobVersionedHashes: [...versionedHashes], maxFeePerBlobGas: feePerBlobGas };
      return { ...common, ...fees, ...carried, type, sidecars: false } as TransactionSerializable;
    }
    case 'eip7702':
      return {
        ...common,
        ...fees,
        type,
        authorizationList: authorizations.map(({ chainId: on, delegate, nonce: of, signature }) => ({
          ...{ chainId: on, address: delegate, nonce: of },
          ...partsOf(signature),
        })),
      };
  }
}

/** r, s and the parity of a signature of 65 bytes. */
function partsOf(signature: Hex): { readonly r: Hex; readonly s: Hex; readonly yParity: 0 | 1 } {
  return { r: signature.slice(0, 66) as Hex, s: `0x${signature.slice(66, 130)}`, yParity: signature.endsWith('1c') ? 1 : 0 };
}

/** The 65 bytes of r, s and v. */
function joined(r: Hex, s: Hex, odd: boolean): Hex {
  return `0x${r.slice(2).padStart(64, '0')}${s.slice(2).padStart(64, '0')}${odd ? '1c' : '1b'}`;
}

/**
 * The address of the contract that a transaction of `from` with this nonce creates, lower case (Ethereum yellow paper, §7).
 * @example createdAddress('0x6ac7…dbf0', 0) // '0xcd23…cd8d'
 */
export function createdAddress(from: Hex, nonce: number): Hex {
  return getContractAddress({ from, nonce: BigInt(nonce) }).toLowerCase() as Hex;
}

/**
 * The digest that the wallet signs; owners approve it.
 * @example recoverSigner(transactionDigest(unsigned), signature)
 */
export function transactionDigest(unsigned: UnsignedTransaction): Hex {
  return keccak256(serializeTransaction(serializable(unsigned)));
}

/**
 * The signed bytes.
 * @param signature r, s and v (27 or 28), 65 bytes hex, over {@link transactionDigest}.
 * @example const raw = serializeSigned(unsigned, signature)
 */
export function serializeSigned(unsigned: UnsignedTransaction, signature: Hex): Hex {
  const parts = partsOf(signature);
  const parity = parts.yParity;
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
  if (!isKnownType(type) || chainId === undefined || r === undefined || s === undefined)
    throw malformed(`expected a transaction of type ${TYPES.join(', ')} with a chain, got ${type}`);
  if ((type === 'eip4844' || type === 'eip7702') && !isAddress(to ?? '0x'))
    throw malformed(`expected a transaction of type ${type} with a recipient`);
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
    ...carriedBy(parsed),
  };
  const parity = yParity ?? (v === undefined ? 0 : Number((v - 35n) % 2n));
  const signature = joined(r, s, parity === 1);
  if (serializeSigned(unsigned, signature) !== bytes.toLowerCase())
    throw malformed('expected the one encoding of a transaction, got another');
  return { ...unsigned, from: from.toLowerCase() as Hex, hash: keccak256(bytes) };
}

const TYPES = ['legacy', 'eip1559', 'eip4844', 'eip7702'] as const satisfies readonly TransactionType[];

function isKnownType(type: string | undefined): type is TransactionType {
  return TYPES.some((known) => known === type);
}

/** What viem reads of the members that only the newer types have. */
interface Carried {
  readonly type?: string | undefined;
  readonly blobVersionedHashes?: readonly Hex[] | undefined;
  readonly maxFeePerBlobGas?: bigint | undefined;
  readonly authorizationList?:
    | readonly {
        readonly chainId: number;
        readonly address: Hex;
        readonly nonce: number;
        readonly r: Hex;
        readonly s: Hex;
        readonly yParity?: number | undefined;
      }[]
    | undefined;
}

/**
 * Blobs and authorisations of a transaction as viem shows it, read or from a node.
 * @example const { blobs } = carriedBy(parsed)
 */
export function carriedBy(parsed: object): Pick<UnsignedTransaction, 'blobs' | 'authorizations'> {
  const { type, blobVersionedHashes = [], maxFeePerBlobGas = 0n, authorizationList = [] } = parsed as Carried;
  if (type === 'eip4844') return { blobs: { versionedHashes: blobVersionedHashes, feePerBlobGas: maxFeePerBlobGas } };
  if (type !== 'eip7702') return {};
  const authorizations = authorizationList.map(({ chainId, address, nonce, r, s, yParity }) => ({
    ...{ chainId, delegate: address.toLowerCase() as Hex, nonce },
    signature: joined(r, s, yParity === 1),
  }));
  return { authorizations };
}
