/**
 * Trust as one argument: the roots a relying party names, in the forms people have them in, resolved to trust anchors. Every package
 * takes `trust` in this form and resolves it here. The vendors' pinned roots are not part of it: they are always there.
 *
 * Not checked here: the certificates' own signatures and dates. A named root is trusted by choice; path.ts looks at its dates.
 */

import { decodeBase64 } from '@assay/encoding/base64';
import { EncodingError } from '@assay/encoding/errors';
import { decodeHex } from '@assay/encoding/hex';
import { decodePem } from '@assay/encoding/pem';
import { AttestationError } from '../errors.ts';
import type { Policy } from '../model/policy.ts';
import type { Root, Trust, TrustAnchor } from '../model/verification.ts';
import { publicKeyAlgorithm } from './algorithms.ts';
import { anchorDigest, trustAnchor } from './anchor.ts';

export interface ResolvedTrust {
  /** Beside the pinned roots. */
  readonly anchors: readonly TrustAnchor[];
  /** For `policy.simulatedRoots`: SHA-256 of the DER SubjectPublicKeyInfo of the simulator that was named, lower-case hex. */
  readonly simulatedRoots: readonly string[];
}

/**
 * The anchors that `trust` names.
 *
 * @throws {AttestationError} `trust/not-a-root` for anything but certificates and public keys, `trust/several-roots` for a simulator's
 * root that holds more than one.
 * @example
 * const { anchors } = resolveTrust({ simulatedRoot: await readFile('.assay/simulated-root.pem'), roots: [pem] });
 */
export function resolveTrust(trust: Trust = {}): ResolvedTrust {
  const named = [trust.roots ?? []].flat().flatMap((root, index) => anchorsOf(root, `trust.roots[${index}]`));
  if (trust.simulatedRoot === undefined) return { anchors: named, simulatedRoots: [] };
  const [simulator, ...more] = anchorsOf(trust.simulatedRoot, 'trust.simulatedRoot');
  if (simulator === undefined || more.length > 0) {
    throw new AttestationError(
      'trust/several-roots',
      `trust.simulatedRoot: expected one certificate or public key, got ${more.length + 1}; name the simulator's root alone`,
    );
  }
  return { anchors: [...named, { ...simulator, simulated: true }], simulatedRoots: [anchorDigest(simulator)] };
}

/**
 * `policy`, and the named simulator accepted, unless the policy refuses simulators.
 * @example const policy = policyUnder(STRICT_POLICY, resolveTrust({ simulatedRoot: pem }))
 */
export function policyUnder(policy: Policy, { simulatedRoots }: ResolvedTrust): Policy {
  if (simulatedRoots.length === 0 || policy.simulated === 'refuse') return policy;
  return { ...policy, simulatedRoots: [...new Set([...(policy.simulatedRoots ?? []), ...simulatedRoots])] };
}

function anchorsOf(root: Root, where: string): readonly TrustAnchor[] {
  if (typeof root === 'string') return anchorsOfText(root, where);
  if (root instanceof Uint8Array) {
    return isText(root) ? anchorsOfText(new TextDecoder().decode(root), where) : [anchorOfDer(root.slice(), where)];
  }
  if (root?.spki instanceof Uint8Array) return [root];
  throw notARoot(where, root === null ? 'null' : `a value of type ${typeof root}`);
}

/** DER of a certificate or key holds object identifiers, whose tag (6) is a control character; text holds tabs and line ends only. */
function isText(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte >= 0x20 || byte === 0x09 || byte === 0x0a || byte === 0x0d);
}

const PEM_LABELS: ReadonlySet<string> = new Set(['CERTIFICATE', 'X509 CERTIFICATE', 'PUBLIC KEY']);

function anchorsOfText(text: string, where: string): readonly TrustAnchor[] {
  if (!text.includes('-----BEGIN ')) return [anchorOfDer(derOfText(text, where), where)];
  const blocks = readOr(() => decodePem(text), where, 'broken PEM text');
  return blocks.map(({ label, der }) => {
    if (!PEM_LABELS.has(label)) throw notARoot(where, `a PEM block ${label}`);
    return anchorOfDer(der, where);
  });
}

function derOfText(text: string, where: string): Uint8Array {
  const packed = text.replace(/\s+/g, '');
  if (packed === '') throw notARoot(where, 'an empty text');
  const decode = /^[0-9a-fA-F]+$/.test(packed) ? decodeHex : decodeBase64;
  return readOr(() => decode(packed), where, 'text that is neither PEM nor base64 or hex of DER');
}

function anchorOfDer(der: Uint8Array, where: string): TrustAnchor {
  try {
    return trustAnchor(where, der);
  } catch (cause) {
    if (isPublicKey(der)) return { name: where, spki: der, certificate: null, simulated: false };
    const unsupported = AttestationError.is(cause) && cause.code === 'certificate/unsupported-algorithm';
    throw notARoot(where, unsupported ? `a certificate that cannot be used (${cause.message})` : 'other bytes', cause);
  }
}

function isPublicKey(der: Uint8Array): boolean {
  try {
    return publicKeyAlgorithm(der).length > 0;
  } catch {
    return false;
  }
}

function readOr<Value>(read: () => Value, where: string, got: string): Value {
  try {
    return read();
  } catch (cause) {
    const why = EncodingError.is(cause) ? ` (${cause.message})` : '';
    throw notARoot(where, `${got}${why}`, cause);
  }
}

function notARoot(where: string, got: string, cause?: unknown): AttestationError {
  return new AttestationError(
    'trust/not-a-root',
    `${where}: expected X.509 certificates or public keys (PEM, DER or SubjectPublicKeyInfo), got ${got}; give the root's certificate`,
    { cause },
  );
}
