/**
 * What the report of a signing proxy binds (`/v1/attestation/report`): which addresses may sign answers, the key behind the first, and where the
 * report data commits to it, the TLS key that connections must show.
 */

import type { Claims, NamedClaims, VerifiedClaims } from '@assay/attestation/model/claims';

export interface ReportedKeys {
  /** The node that answers are signed in. */
  readonly node: VerifiedClaims;
  /** Lower-case hex addresses that may sign answers. */
  readonly addresses: readonly string[];
  readonly algorithm: 'ecdsa' | 'ed25519';
  /** Lower-case hex public key behind the first address: 64 bytes x ‖ y, or 32; `null` when the report shows none. */
  readonly publicKey: string | null;
  /** Hex SHA-256 of the SPKI that the node in front proves it serves TLS with; `null` when the report binds none. */
  readonly tlsKey: string | null;
}

/** `null` when the report binds no address that could sign answers. */
export function reportedKeys(claims: Claims): ReportedKeys | null {
  const signers = signingNodes(claims);
  const [node] = signers;
  if (node === undefined) return null;
  return {
    node,
    addresses: addressesOf(signers),
    algorithm: algorithmOf(node),
    publicKey: publicKeyOf(node),
    tlsKey: terminatingKey(claims, signers),
  };
}

/** Nodes whose keys may sign answers: those of models; a gateway only when it stands alone. */
function signingNodes(claims: Claims): readonly VerifiedClaims[] {
  const nodes = Object.entries(claims.submodules).filter(([, node]) => addressesOf([node]).length > 0);
  const models = nodes.filter(([name]) => /^model(-\d+)?$/.test(name));
  return (models.length > 0 ? models : nodes).map(([, node]) => node);
}

function addressesOf(nodes: readonly NamedClaims[]): readonly string[] {
  return nodes.flatMap(({ identity }) => identity['signing-address'] ?? []);
}

function algorithmOf({ identity }: NamedClaims): 'ecdsa' | 'ed25519' {
  return identity['signing-algorithm'] === 'ed25519' ? 'ed25519' : 'ecdsa';
}

/**
 * The TLS key of the node that connections end in: the gateway where there is one, otherwise the model's. Several nodes with several
 * keys bind none: which of them a connection meets is not known before it is made.
 */
function terminatingKey({ submodules: { gateway } }: Claims, signers: readonly VerifiedClaims[]): string | null {
  const ends: readonly NamedClaims[] = gateway === undefined ? signers : [gateway];
  const [key = null, ...more] = new Set(ends.map(({ identity }) => identity['tls-fingerprint']));
  return more.length === 0 ? key : null;
}

/** The verifier has compared it with the address; an address alone is no key of the curve. */
function publicKeyOf(node: NamedClaims): string | null {
  const key = node.bindings.publicKey ?? null;
  if (key === null || algorithmOf(node) === 'ed25519') return key;
  return /^(04)?[0-9a-f]{128}$/.test(key) ? key.slice(-128) : null;
}

/**
 * GPUs of a node with authentic evidence that answers the node's own nonce.
 * @example attestedGpus(claims).length
 */
export function attestedGpus(node: Claims): readonly VerifiedClaims[] {
  const answered = node.checks.some(({ id, outcome }) => id === 'combined.gpu-nonce' && outcome === 'pass');
  return answered ? Object.entries(node.submodules).flatMap(([name, part]) => (/^gpu-\d+$/.test(name) ? [part] : [])) : [];
}
