/**
 * The wallet's signatures over a transaction that was decided: over its authorisation first, where it has one (EIP-7702), then over the
 * transaction that carries it. Each is an event of the same receipt.
 */

import { utf8 } from '@assay/encoding/bytes';
import type { JsonObject } from '@assay/encoding/json';
import type { ReceiptDraft } from '@assay/ledger';
import {
  authorizationDigest,
  blobFeeOf,
  bytesOf,
  createdAddress,
  type Hex,
  keccakOf,
  type SignedAuthorization,
  serializeSigned,
  transactionDigest,
  type UnsignedTransaction,
} from '@assay/operator';
import { digestBytes } from '@assay/receipt';
import type { DigestSigner } from './operator-keys.ts';

/** A transaction as it was decided, with its nonce. */
export interface PlannedTransaction extends Omit<UnsignedTransaction, 'authorizations'> {
  /** The contract that the wallet delegates to, or the zero address. */
  readonly delegate?: Hex | undefined;
}

/** What the wallet signed. */
export interface SignedParts {
  readonly unsigned: UnsignedTransaction;
  readonly digest: Hex;
  readonly signed: Hex;
  readonly hash: Hex;
  readonly authorization: SignedAuthorization | null;
}

/** Signs, nothing is awaited. The authorisation is for the nonce behind the transaction's, because the sender's is used up first. */
export function signPlanned({ delegate, ...planned }: PlannedTransaction, wallet: DigestSigner): SignedParts {
  const authorization = delegate === undefined ? null : authorized(planned, delegate, wallet);
  const unsigned: UnsignedTransaction = authorization === null ? planned : { ...planned, authorizations: [authorization] };
  const digest = transactionDigest(unsigned);
  const signed = serializeSigned(unsigned, wallet.signDigest(bytesOf(digest)));
  return { unsigned, digest, signed, hash: keccakOf(bytesOf(signed)), authorization };
}

function authorized(
  { chainId, nonce }: Pick<UnsignedTransaction, 'chainId' | 'nonce'>,
  delegate: Hex,
  wallet: DigestSigner,
): SignedAuthorization {
  const authorization = { chainId, delegate, nonce: nonce + 1 };
  return { ...authorization, signature: wallet.signDigest(bytesOf(authorizationDigest(authorization))) };
}

/** What the row of a transaction says of its delegate and blobs. */
export function carriedIn({ delegate, blobs }: PlannedTransaction): {
  readonly delegate?: Hex | undefined;
  readonly blobs?: number | undefined;
  readonly blobFee?: string | undefined;
  readonly blobPrice?: string | undefined;
} {
  return {
    delegate,
    blobs: blobs?.versionedHashes.length,
    blobFee: blobs === undefined ? undefined : String(blobFeeOf(blobs)),
    blobPrice: blobs === undefined ? undefined : String(blobs.feePerBlobGas),
  };
}

/** Whom a signed transaction reaches, as its receipt says it: an account, or the contract that it creates. */
export function receiverOf(
  { to, nonce }: Pick<UnsignedTransaction, 'to' | 'nonce'>,
  from: Hex,
): { readonly to: Hex } | { readonly creates: Hex } {
  return to === null ? { creates: createdAddress(from, nonce) } : { to };
}

/** What the receipt says of the blobs of a transaction. */
function blobMembers({ blobs }: UnsignedTransaction): JsonObject {
  return blobs === undefined ? {} : { blob_hashes: [...blobs.versionedHashes], blob_fee: String(blobFeeOf(blobs)) };
}

/** What the receipt says of signatures beyond what was signed. */
export interface SigningFacts {
  readonly from: Hex;
  readonly policy: Hex;
  readonly simulation: string;
  readonly rollback: string;
  readonly kept: boolean;
  /** Of the payload that keeps the signed bytes; `signed-transaction` where it is not given. */
  readonly name?: string | undefined;
  /** Of one that replaces another. */
  readonly replacing?: { readonly replaces: Hex; readonly action: 'bump' | 'cancel' } | undefined;
}

/** Appends `authorization.signed` and `transaction.signed`, and keeps the signed bytes, which hold both signatures. */
export function recordSigned(draft: ReceiptDraft, parts: SignedParts, facts: SigningFacts): void {
  const { unsigned, digest, signed, hash, authorization } = parts;
  const { from, policy, simulation, rollback, kept, replacing, name = 'signed-transaction' } = facts;
  const chain = String(unsigned.chainId);
  if (authorization !== null)
    draft.append({
      type: 'authorization.signed',
      chain_id: chain,
      signer: from,
      delegate: authorization.delegate,
      account_nonce: authorization.nonce,
      digest: authorizationDigest(authorization),
      signature_hash: digestBytes(bytesOf(authorization.signature)),
    });
  draft.append({
    type: 'transaction.signed',
    chain_id: chain,
    from,
    ...receiverOf(unsigned, from),
    value: String(unsigned.value),
    ...blobMembers(unsigned),
    account_nonce: unsigned.nonce,
    unsigned_digest: digest,
    signed_hash: draft.payload(name, 'text/plain', utf8(signed)),
    transaction_id: hash,
    policy,
    simulation,
    rollback,
    wallet_kept: kept,
    ...replacing,
  });
}
