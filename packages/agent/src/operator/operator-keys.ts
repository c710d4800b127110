/**
 * The keys of an agent with an operator manifest (spec/operator.md §2): agent key and card key live with their keyset; the
 * wallet key signs transactions and outlives keysets, each of which names it again. Both are secp256k1. Text of a model is signed by the
 * first, so it can never become a transaction of the second.
 */

import { createPublicKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { encodeHex } from '@assay/encoding/hex';
import { addressOf, type Hex, signDigest } from '@assay/operator';
import { AGENT_ALGORITHM, CARD_ALGORITHM, type KeysetKey, keyId, WALLET_ALGORITHM } from '@assay/receipt';
import { secp256k1 } from '@noble/curves/secp256k1.js';

/** A secp256k1 key that signs 32-byte digests. */
export interface DigestSigner {
  /** Lower case. */
  readonly address: Hex;
  /** x and y, 64 bytes. */
  readonly publicKey: Uint8Array;
  /** r, s (low) and v of 27 or 28: 65 bytes. */
  signDigest(digest: Uint8Array): Hex;
}

/** The key of one keyset that signs answers. */
export interface AgentKey extends DigestSigner {
  /** Overwrites the private half. */
  destroy(): void;
}

/** The private keys of one keyset. */
export interface OperatorKeys {
  readonly agent: AgentKey;
  /** Ed25519; signs agent cards, nothing else. */
  readonly card: KeyObject;
}

/** A signer over a private key of 32 bytes. */
export function digestSigner(privateKey: Uint8Array): AgentKey {
  const publicKey = secp256k1.getPublicKey(privateKey, false).subarray(1);
  return {
    address: addressOf(publicKey),
    publicKey,
    signDigest: (digest) => signDigest(digest, privateKey),
    destroy: () => privateKey.fill(0),
  };
}

/** The keys of all keysets of one agent. */
export class OperatorKeyring {
  /** `urn:assay:agent:` and the agent id. */
  readonly subject: string;
  readonly #wallet: DigestSigner | null;
  #keys: OperatorKeys | null = null;

  constructor(options: { readonly agentId: Hex; readonly wallet: DigestSigner | null }) {
    this.subject = `urn:assay:agent:${options.agentId}`;
    this.#wallet = options.wallet;
  }

  /** Makes the keys of the next keyset. They sign nothing before {@link publish}. */
  next(): OperatorKeys {
    return { agent: digestSigner(secp256k1.utils.randomSecretKey()), card: generateKeyPairSync('ed25519').privateKey };
  }

  /** What the next keyset lists. */
  entries(keys: OperatorKeys | null): readonly KeysetKey[] {
    const wallet = this.#wallet;
    return [
      ...(keys === null ? [] : [entry('agent', AGENT_ALGORITHM, keys.agent.publicKey)]),
      ...(keys === null ? [] : [entry('card', CARD_ALGORITHM, rawPublicKey(keys.card))]),
      ...(wallet === null ? [] : [entry('wallet', WALLET_ALGORITHM, wallet.publicKey)]),
    ];
  }

  /** Puts keys in force and ends the ones before. */
  publish(keys: OperatorKeys): void {
    this.#keys?.agent.destroy();
    this.#keys = keys;
  }

  /** The agent key in force. */
  get agent(): DigestSigner {
    return this.#inForce.agent;
  }

  /** Signs an agent card, 64 bytes. */
  signCard(message: Uint8Array): Uint8Array {
    return new Uint8Array(sign(null, message, this.#inForce.card));
  }

  get #inForce(): OperatorKeys {
    if (this.#keys === null) throw new Error('no keyset is in force');
    return this.#keys;
  }
}

function rawPublicKey(key: KeyObject): Uint8Array {
  return new Uint8Array(createPublicKey(key).export({ format: 'der', type: 'spki' }).subarray(-32));
}

function entry(role: 'agent' | 'card' | 'wallet', algo: string, publicKey: Uint8Array): KeysetKey {
  return { key_id: keyId(role, publicKey), algo, public_key: encodeHex(publicKey) };
}
