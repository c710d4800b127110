/** Distinguished names as text (RFC 4514): last component first, special characters escaped. For people; comparison uses bytes. */

import { type DerElement, derOid, derSequence, derSet, derString } from '@assay/encoding/der';
import { encodeHex } from '@assay/encoding/hex';
import { BytesCache } from './bytes-cache.ts';

const SHORT_NAMES: ReadonlyMap<string, string> = new Map([
  ['2.5.4.3', 'CN'],
  ['2.5.4.5', 'serialNumber'],
  ['2.5.4.6', 'C'],
  ['2.5.4.7', 'L'],
  ['2.5.4.8', 'ST'],
  ['2.5.4.10', 'O'],
  ['2.5.4.11', 'OU'],
]);

/** The same few issuers name themselves again and again. */
const texts: BytesCache<string> = /* @__PURE__ */ new BytesCache(256);

/** Text of a Name, e.g. `CN=Intel SGX Root CA,O=Intel Corporation,C=US`. Values of unknown string types appear as `#hex`. */
export function nameText(name: DerElement): string {
  const known = texts.get(name.raw);
  if (known !== undefined) return known;
  const components = derSequence(name).map((set) => derSet(set).map(attributeText).join('+'));
  const text = components.reverse().join(',');
  texts.set(name.raw, text);
  return text;
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
