/**
 * The two keys of an agent with an operator manifest (spec/operator.md §2): the agent key signs answers and lives with its keyset; the
 * wallet key signs transactions and outlives keysets, each of which names it again. Both are secp256k1. Text of a model is signed by the
 * first, so it can never become a transaction of the second.
 */

import { encodeHex } from '@assay/encoding/hex';
import { addressOf, type Hex, signDigest } from '@assay/operator';
import { AGENT_ALGORITHM, type KeysetKey, keyId, WALLET_ALGORITHM } from '@assay/receipt';
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
  #agent: AgentKey | null = null;

  constructor(options: { readonly agentId: Hex; readonly wallet: DigestSigner | null }) {
    this.subject = `urn:assay:agent:${options.agentId}`;
    this.#wallet = options.wallet;
  }

  /** Makes the agent key of the next keyset. It signs nothing before {@link publish}. */
  next(): AgentKey {
    return digestSigner(secp256k1.utils.randomSecretKey());
  }

  /** What the next keyset lists. */
  entries(agentKey: AgentKey | null): readonly KeysetKey[] {
    const wallet = this.#wallet;
    return [
      ...(agentKey === null ? [] : [entry('agent', AGENT_ALGORITHM, agentKey)]),
      ...(wallet === null ? [] : [entry('wallet', WALLET_ALGORITHM, wallet)]),
    ];
  }

  /** Puts an agent key in force and ends the one before. */
  publish(agentKey: AgentKey): void {
    this.#agent?.destroy();
    this.#agent = agentKey;
  }

  /** The agent key in force. */
  get agent(): DigestSigner {
    if (this.#agent === null) throw new Error('no keyset is in force');
    return this.#agent;
  }
}

function entry(role: 'agent' | 'wallet', algo: string, { publicKey }: DigestSigner): KeysetKey {
  return { key_id: keyId(role, publicKey), algo, public_key: encodeHex(publicKey) };
}
