/**
 * The SGX extension of a PCK certificate (OID 1.2.840.113741.1.13.1): which platform this is and at which TCB.
 * Source: Intel SGX PCK Certificate and Certificate Revocation List Profile Specification, §1.3.5.
 * Not checked here: the certificate that carries it.
 */

import { DER_TAG, type DerElement, derBoolean, derOctetString, derUnsigned, readDer } from '@assay/encoding/der';
import { EncodingError } from '@assay/encoding/errors';
import { AttestationError } from '../../errors.ts';

/** OID of the extension. */
export const SGX_EXTENSION_OID = '1.2.840.113741.1.13.1';

export interface PckExtensions {
  /** Platform provisioning id, 16 bytes. */
  readonly ppid: Uint8Array;
  /** 16 SGX component SVNs, as the platform had them when the certificate was made. */
  readonly tcbComponents: Uint8Array;
  readonly pceSvn: number;
  /** 16 bytes. */
  readonly cpuSvn: Uint8Array;
  /** 2 bytes. */
  readonly pceId: Uint8Array;
  /** Family, model, stepping, platform type and custom SKU: 6 bytes. */
  readonly fmspc: Uint8Array;
  /** Memory protection: `scalable` has no integrity against physical attackers with an interposer. */
  readonly sgxType: 'standard' | 'scalable' | 'scalable-with-integrity';
  /** 16 bytes; multi-package platforms only. */
  readonly platformInstanceId: Uint8Array | null;
  /** Multi-package platforms only; a flag that is absent is `null`. */
  readonly configuration: {
    readonly dynamicPlatform: boolean | null;
    readonly cachedKeys: boolean | null;
    readonly smtEnabled: boolean | null;
  } | null;
}

const SGX_TYPES = ['standard', 'scalable', 'scalable-with-integrity'] as const;
const COMPONENTS = 16;

/**
 * Reads the extension's value.
 * @param value contents of the extension's OCTET STRING: a DER SEQUENCE of (OID, value) pairs.
 * @throws {AttestationError} `dcap/pck-extensions-malformed`.
 */
export function parsePckExtensions(value: Uint8Array): PckExtensions {
  try {
    return readExtensions(value);
  } catch (error) {
    if (!EncodingError.is(error)) throw error;
    throw malformed(error.message, error);
  }
}

function readExtensions(value: Uint8Array): PckExtensions {
  const members = readPairs(readDer(value));
  const tcb = readPairs(required(members, 2), 2);
  const configuration = members.get(7);
  const flags = configuration && readPairs(configuration, 7);
  const platformInstanceId = members.get(6);
  return {
    ppid: octets(required(members, 1), 16),
    tcbComponents: Uint8Array.from({ length: COMPONENTS }, (_, index) => number(required(tcb, index + 1), 0xff)),
    pceSvn: number(required(tcb, 17), 0xffff),
    cpuSvn: octets(required(tcb, 18), 16),
    pceId: octets(required(members, 3), 2),
    fmspc: octets(required(members, 4), 6),
    sgxType: sgxType(required(members, 5)),
    platformInstanceId: platformInstanceId ? octets(platformInstanceId, 16) : null,
    configuration: flags ? { dynamicPlatform: flag(flags, 1), cachedKeys: flag(flags, 2), smtEnabled: flag(flags, 3) } : null,
  };
}

/** Content of the extension's OID, and so the beginning of every OID inside. */
const OID_PREFIX = Uint8Array.of(0x2a, 0x86, 0x48, 0x86, 0xf8, 0x4d, 0x01, 0x0d, 0x01);

/** A SEQUENCE of (OID, value) pairs, keyed by the arc below `parent`. */
function readPairs(sequence: DerElement, ...parent: readonly number[]): ReadonlyMap<number, DerElement> {
  if (sequence.tag !== DER_TAG.sequence) throw malformed(`expected a SEQUENCE of pairs, got tag ${sequence.tag}`);
  const prefix = Uint8Array.of(...OID_PREFIX, ...parent);
  const pairs = new Map<number, DerElement>();
  for (const pair of sequence.children()) {
    const parts = pair.tag === DER_TAG.sequence ? pair.children() : [];
    const [name, value] = [parts[0], parts[1]];
    if (name === undefined || value === undefined || parts.length > 2) throw malformed('expected pairs of OID and value');
    const arc = name.tag === DER_TAG.oid ? arcBelow(prefix, name.content) : null;
    if (arc === null) throw malformed(`expected OIDs one arc below ${SGX_EXTENSION_OID}, got another`);
    if (pairs.has(arc)) throw malformed(`expected arc ${arc} once, got it twice`);
    pairs.set(arc, value);
  }
  return pairs;
}

/** The last arc of an OID that is one arc below `prefix`, `null` for others. No arc in use needs more than one byte. */
function arcBelow(prefix: Uint8Array, oid: Uint8Array): number | null {
  if (oid.length !== prefix.length + 1) return null;
  for (let at = 0; at < prefix.length; at++) if (oid[at] !== prefix[at]) return null;
  const arc = oid[prefix.length] as number;
  return arc < 0x80 ? arc : null;
}

function required(pairs: ReadonlyMap<number, DerElement>, arc: number): DerElement {
  const value = pairs.get(arc);
  if (value === undefined) throw malformed(`expected a value for arc ${arc}, got none`);
  return value;
}

function octets(element: DerElement, length: number): Uint8Array {
  const bytes = derOctetString(element);
  if (bytes.length !== length) throw malformed(`expected ${length} bytes, got ${bytes.length}`);
  return bytes;
}

function number(element: DerElement, max: number): number {
  const value = derUnsigned(element).reduce((sum, byte) => sum * 256 + byte, 0);
  if (value > max) throw malformed(`expected a number up to ${max}, got ${value}`);
  return value;
}

function sgxType(element: DerElement): PckExtensions['sgxType'] {
  const type =
    element.tag === DER_TAG.enumerated && element.content.length === 1 ? SGX_TYPES[element.content[0] ?? -1] : undefined;
  if (type === undefined) throw malformed('expected SGX type 0, 1 or 2, got something else');
  return type;
}

function flag(pairs: ReadonlyMap<number, DerElement>, arc: number): boolean | null {
  const element = pairs.get(arc);
  return element === undefined ? null : derBoolean(element);
}

function malformed(message: string, cause?: unknown): AttestationError {
  const text = `SGX extension of the PCK certificate: ${message}; the certificate is not one of Intel's`;
  return new AttestationError('dcap/pck-extensions-malformed', text, cause === undefined ? {} : { cause });
}
