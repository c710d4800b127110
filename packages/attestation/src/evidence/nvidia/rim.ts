/**
 * NVIDIA reference integrity manifests: SWID tags (ISO/IEC 19770-2:2015) with TCG RIM attributes, signed with an enveloped XML
 * signature. Bytes → golden measurements and the parts of the signature.
 * Sources: TCG Reference Integrity Manifest Information Model 1.01, W3C XML Signature 1.1 §4, RFC 4051 and 6931 (algorithm names),
 * NVIDIA nvtrust (index, active, alternatives and HashN attributes).
 *
 * The accepted signature has one shape: a child of the document element, one reference to the whole document, enveloped-signature
 * and at most one canonicalization, SHA-384, ECDSA P-384. Measurements are read only where that reference covers them.
 * Not checked here: digest, signature, certificates, dates.
 */

import { decodeBase64 } from '@assay/encoding/base64';
import { decodeHex, encodeHex } from '@assay/encoding/hex';
import { AttestationError } from '../../errors.ts';
import { reading } from '../reading.ts';
import { CANONICALIZATIONS, type Canonicalization, canonicalize } from './canonical-xml.ts';
import { attribute, elements, parseXml, textOf, type XmlElement } from './xml.ts';

const SWID = 'http://standards.iso.org/iso/19770/-2/2015/schema.xsd';
const DSIG = 'http://www.w3.org/2000/09/xmldsig#';
const HASH = 'http://www.w3.org/2001/04/xmlenc#sha384';
const ENVELOPED = 'http://www.w3.org/2000/09/xmldsig#enveloped-signature';
const DIGEST_SHA384 = 'http://www.w3.org/2001/04/xmldsig-more#sha384';
const ECDSA_SHA384 = 'http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha384';
const DIGEST_LENGTH = 48; // bytes
const SIGNATURE_LENGTH = 96; // bytes, r then s
const MAX_ALTERNATIVES = 256;

export interface GoldenMeasurement {
  /** Counted from 0: SPDM index minus one. */
  readonly index: number;
  /** False: this manifest says nothing about the index. */
  readonly active: boolean;
  readonly name: string;
  /** Acceptable values, lower-case hex. */
  readonly values: readonly string[];
}

/** What a manifest describes, told apart by the shape of its version. */
export type RimSubject = 'driver' | 'vbios';

export interface Rim {
  /** `colloquialVersion`: `545.00` of a driver, `96.00.5E.00.01` of a VBIOS. */
  readonly version: string;
  /** Chip family, e.g. `GH100`. */
  readonly product: string;
  readonly tagId: string;
  readonly manufacturer: string | null;
  readonly subject: RimSubject;
  readonly measurements: readonly GoldenMeasurement[];
  /** Canonical octets of the document without its signature, to be digested. */
  readonly covered: Uint8Array;
  /** SHA-384 the signature commits to, 48 bytes. */
  readonly digest: Uint8Array;
  /** Canonical octets of SignedInfo: what is signed. */
  readonly signedInfo: Uint8Array;
  /** ECDSA P-384: r then s, 96 bytes. */
  readonly signature: Uint8Array;
  /** DER, as listed: signer first. */
  readonly certificates: readonly Uint8Array[];
}

/** True when `bytes` begin like a SWID tag. */
export function looksLikeRim(bytes: Uint8Array): boolean {
  const head = new TextDecoder().decode(bytes.subarray(0, 1024));
  return /^\s*(?:<\?xml[^>]*>\s*)?<(?:[A-Za-z_][\w.-]*:)?SoftwareIdentity[\s>]/.test(head);
}

/**
 * A signed manifest.
 * @throws {AttestationError} `nvidia/rim-malformed`, `nvidia/rim-signature-unsupported`.
 * @example parseRim(xml).measurements.filter(({ active }) => active).length
 */
export function parseRim(bytes: Uint8Array): Rim {
  const root = parseXml(bytes);
  if (root.namespace !== SWID || root.name !== 'SoftwareIdentity') {
    throw malformed(`expected a SoftwareIdentity document, got "${root.name}"`);
  }
  const signature = only(root, DSIG, 'Signature');
  if (countSignatures(root) !== 1) throw unsupported('expected one signature, got more inside the document');
  const meta = only(root, SWID, 'Meta');
  const version = required(meta, 'colloquialVersion');
  return {
    version,
    product: required(meta, 'product'),
    tagId: required(root, 'tagId'),
    manufacturer: meta.attributes.find(({ name }) => name === 'PlatformManufacturerStr')?.value ?? null,
    subject: /^[0-9A-Fa-f]{2}(?:\.[0-9A-Fa-f]{2}){4}$/.test(version) ? 'vbios' : 'driver',
    measurements: measurementsOf(only(root, SWID, 'Payload')),
    ...signatureParts(root, signature),
  };
}

function measurementsOf(payload: XmlElement): readonly GoldenMeasurement[] {
  const seen = new Set<number>();
  return elements(payload, SWID, 'Resource')
    .filter((resource) => attribute(resource, 'type') === 'Measurement')
    .map((resource) => {
      const index = number(resource, 'index', 254);
      if (seen.has(index)) throw malformed(`expected each measurement index once, got ${index} again`);
      seen.add(index);
      const active = required(resource, 'active');
      if (active !== 'True' && active !== 'False') throw malformed(`expected active "True" or "False", got "${active}"`);
      const size = number(resource, 'size', 64);
      const values = Array.from({ length: number(resource, 'alternatives', MAX_ALTERNATIVES) }, (_, at) => {
        const text = attribute(resource, `Hash${at}`, HASH);
        if (text === null) throw malformed(`expected Hash${at} at measurement ${index}, got none`);
        return reading('nvidia/rim-malformed', `Hash${at}`, () => encodeHex(decodeHex(text, { bytes: size })));
      });
      if (values.length === 0) throw malformed(`expected at least one value at measurement ${index}, got none`);
      return { index, active: active === 'True', name: required(resource, 'name'), values };
    });
}

type SignatureParts = Pick<Rim, 'covered' | 'digest' | 'signedInfo' | 'signature' | 'certificates'>;

function signatureParts(root: XmlElement, signature: XmlElement): SignatureParts {
  const [signedInfo, value, keyInfo] = exactly(signature, ['SignedInfo', 'SignatureValue', 'KeyInfo']);
  const [method, algorithm, reference] = exactly(signedInfo, ['CanonicalizationMethod', 'SignatureMethod', 'Reference']);
  expectAlgorithm(algorithm, ECDSA_SHA384);
  if (attribute(reference, 'URI') !== '') throw unsupported('expected a reference to the whole document (URI=""), got another');
  const [transforms, digestMethod, digestValue] = exactly(reference, ['Transforms', 'DigestMethod', 'DigestValue']);
  expectAlgorithm(digestMethod, DIGEST_SHA384);
  return {
    covered: canonicalize(root, transformOf(transforms), { without: signature }),
    digest: base64Of(digestValue, DIGEST_LENGTH),
    signedInfo: canonicalize(signedInfo, canonicalizationOf(method), { ancestors: [root, signature] }),
    signature: base64Of(value, SIGNATURE_LENGTH),
    certificates: elements(only(keyInfo, DSIG, 'X509Data'), DSIG, 'X509Certificate').map((each) => base64Of(each)),
  };
}

/** Enveloped signature first, then perhaps one canonicalization; inclusive 1.0 when there is none (XML Signature §4.4.3.2). */
function transformOf(transforms: XmlElement): Canonicalization {
  const [enveloped, method, ...more] = elements(transforms, DSIG, 'Transform');
  if (enveloped === undefined || more.length > 0) throw unsupported('expected one or two transforms, got another number');
  expectAlgorithm(enveloped, ENVELOPED);
  return method === undefined ? 'inclusive' : canonicalizationOf(method);
}

function canonicalizationOf(element: XmlElement): Canonicalization {
  const algorithm = attribute(element, 'Algorithm') ?? '';
  const method = CANONICALIZATIONS.get(algorithm);
  if (method === undefined || element.children.some((child) => typeof child !== 'string')) {
    throw unsupported(`expected canonical xml without parameters, got "${algorithm}"`);
  }
  return method;
}

function expectAlgorithm(element: XmlElement, wanted: string): void {
  const algorithm = attribute(element, 'Algorithm');
  if (algorithm !== wanted) throw unsupported(`expected algorithm ${wanted}, got "${algorithm ?? ''}"`);
}

/** Children of `parent`: exactly these signature elements in this order, nothing else but white space. */
function exactly<const Names extends readonly string[]>(
  parent: XmlElement,
  names: Names,
): { readonly [Index in keyof Names]: XmlElement } {
  const children = parent.children.filter((child): child is XmlElement => typeof child !== 'string');
  const asWanted =
    children.length === names.length && children.every((child, at) => child.namespace === DSIG && child.name === names[at]);
  if (!asWanted || textOf(parent).trim() !== '') {
    throw unsupported(
      `expected ${names.join(', ')} in ${parent.name}, got ${children.map(({ name }) => name).join(', ') || 'nothing'}`,
    );
  }
  return children as unknown as { readonly [Index in keyof Names]: XmlElement };
}

function countSignatures(element: XmlElement): number {
  return element.children.reduce<number>(
    (sum, child) => (typeof child === 'string' ? sum : sum + countSignatures(child)),
    element.namespace === DSIG && element.name === 'Signature' ? 1 : 0,
  );
}

function only(parent: XmlElement, namespace: string, name: string): XmlElement {
  const [first, ...others] = elements(parent, namespace, name);
  if (first === undefined || others.length > 0)
    throw malformed(`expected one ${name} in ${parent.name}, got ${first === undefined ? 0 : others.length + 1}`);
  return first;
}

function required(element: XmlElement, name: string): string {
  const value = attribute(element, name);
  if (value === null || value === '') throw malformed(`expected attribute "${name}" on ${element.name}, got none`);
  return value;
}

function number(element: XmlElement, name: string, most: number): number {
  const text = required(element, name);
  const value = /^(?:0|[1-9][0-9]{0,3})$/.test(text) ? Number(text) : Number.NaN;
  if (!(value <= most)) throw malformed(`expected a number up to ${most} in "${name}", got "${text.slice(0, 16)}"`);
  return value;
}

function base64Of(element: XmlElement, length?: number): Uint8Array {
  const bytes = reading('nvidia/rim-malformed', element.name, () => decodeBase64(textOf(element).replace(/\s+/g, '')));
  if (length !== undefined && bytes.length !== length) {
    throw malformed(`expected ${length} bytes in ${element.name}, got ${bytes.length}`);
  }
  return bytes;
}

function malformed(message: string): AttestationError {
  return new AttestationError('nvidia/rim-malformed', message);
}

function unsupported(message: string): AttestationError {
  return new AttestationError('nvidia/rim-signature-unsupported', message);
}
