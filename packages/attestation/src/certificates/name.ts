/** Distinguished names as text (RFC 4514): last component first, special characters escaped. For people; comparison uses bytes. */

import { type DerElement, derOid, derSequence, derSet, derString } from '@assay/encoding/der';
import { encodeHex } from '@assay/encoding/hex';

const SHORT_NAMES: ReadonlyMap<string, string> = new Map([
  ['2.5.4.3', 'CN'],
  ['2.5.4.5', 'serialNumber'],
  ['2.5.4.6', 'C'],
  ['2.5.4.7', 'L'],
  ['2.5.4.8', 'ST'],
  ['2.5.4.10', 'O'],
  ['2.5.4.11', 'OU'],
]);

/**
 * Text of a Name, e.g. `CN=Intel SGX Root CA,O=Intel Corporation,C=US`. Values of unknown string types appear as `#hex`.
 * @throws {EncodingError} for broken DER.
 */
export function nameText(name: DerElement): string {
  const components = derSequence(name).map((set) => derSet(set).map(attributeText).join('+'));
  return components.reverse().join(',');
}

/** Texts of a certificate's names, made when somebody reads them. A name that is broken DER appears as `#hex`. */
export class NameTexts {
  readonly #names: readonly [issuer: DerElement, subject: DerElement];
  readonly #texts: [issuer: string | null, subject: string | null] = [null, null];

  constructor(issuer: DerElement, subject: DerElement) {
    this.#names = [issuer, subject];
  }

  get issuer(): string {
    return this.#text(0);
  }

  get subject(): string {
    return this.#text(1);
  }

  #text(which: 0 | 1): string {
    const known = this.#texts[which] ?? readableText(this.#names[which]);
    this.#texts[which] = known;
    return known;
  }
}

function readableText(name: DerElement): string {
  try {
    return nameText(name);
  } catch {
    return `#${encodeHex(name.raw)}`;
  }
}

function attributeText(attribute: DerElement): string {
  const [type, value, ...more] = derSequence(attribute);
  if (type === undefined || value === undefined || more.length > 0) return '#';
  const oid = derOid(type);
  return `${SHORT_NAMES.get(oid) ?? oid}=${valueText(value)}`;
}

function valueText(value: DerElement): string {
  try {
    return derString(value)
      .replace(/[",+;<>\\]/g, '\\$&')
      .replace(/^[ #]| $/g, '\\$&')
      .replaceAll('\0', '\\00');
  } catch {
    return `#${encodeHex(value.raw)}`;
  }
}
