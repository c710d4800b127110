/**
 * Authorisations of EIP-7702: the account lets the code of one contract run as itself, from then on. The digest is
 * `keccak(0x05 || rlp([chain id, address, nonce]))`, which nothing else that the wallet signs begins with.
 *
 * Not checked: what the code of the delegate does. It can spend everything the account has.
 */

import { hashAuthorization } from 'viem/utils';
import type { Hex } from './hex.ts';

/** Delegating to the zero address ends delegation. */
export const NO_DELEGATE: Hex = `0x${'00'.repeat(20)}`;

/** What an account authorises. */
export interface Authorization {
  /** At least 1: 0 would hold on every chain. */
  readonly chainId: number;
  readonly delegate: Hex;
  /** Of the account. In a transaction of the account itself: one more than the transaction's. */
  readonly nonce: number;
}

/** With r, s and v (27 or 28), 65 bytes. */
export interface SignedAuthorization extends Authorization {
  readonly signature: Hex;
}

/**
 * The digest that the account signs.
 * @example authorizationDigest({ chainId: 1, delegate: '0x63c0…', nonce: 8 })
 */
export function authorizationDigest({ chainId, delegate, nonce }: Authorization): Hex {
  return hashAuthorization({ chainId, address: delegate, nonce });
}
