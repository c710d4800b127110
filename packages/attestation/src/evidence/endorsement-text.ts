/** Text carriers of binary companions: PEM with anything around it, hex (also of PEM, as old PCCS write CRLs), base64. */

import { decodeBase64, decodeBase64Url } from '@assay/encoding/base64';
import { decodeUtf8, utf8 } from '@assay/encoding/bytes';
import { decodeHex } from '@assay/encoding/hex';
import { pemTexts } from '@assay/encoding/pem';
import { withoutTrailing } from '@assay/encoding/text-ends';
import { packedText } from './reading.ts';

/** The contents of every PEM block, `null` when there is none or one is broken. */
export function pemBlocks(text: string): readonly Uint8Array[] | null {
  const blocks = pemTexts(text);
  if (blocks.length === 0) return null;
  try {
    return blocks.map(({ body }) => decodeBase64(body.replace(/\s+/g, '')));
  } catch {
    return null;
  }
}

/** The bytes behind hex or base64 text, `null` when it is neither. White space and a leading `0x` are ignored. */
export function binaryOfText(text: string): Uint8Array | null {
  const packed = packedText(utf8(text))?.replace(/^0x/i, '') ?? '';
  if (packed.length === 0) return null;
  if (packed.length % 2 === 0 && /^[0-9a-fA-F]+$/.test(packed)) return decodeHex(packed);
  const bare = withoutTrailing(packed, '=');
  try {
    if (/^[A-Za-z0-9+/]+={0,2}$/.test(packed)) return decodeBase64(bare.padEnd(Math.ceil(bare.length / 4) * 4, '='));
    if (/^[A-Za-z0-9_-]+={0,2}$/.test(packed)) return decodeBase64Url(bare);
  } catch {
    return null;
  }
  return null;
}

/** Every certificate or CRL in a text field: PEM (also percent-encoded, as HTTP headers carry it), hex or base64 of DER or of PEM. */
export function derOfText(text: string): readonly Uint8Array[] {
  const plain = plainText(text);
  const blocks = pemBlocks(plain);
  if (blocks !== null) return blocks;
  const binary = binaryOfText(plain);
  if (binary === null) return [];
  if ((binary[0] ?? 0) >= 0x80 || (binary[1] ?? 0) >= 0x80) return [binary]; // DER with a long length, which no text starts with
  try {
    const nested = decodeUtf8(binary).trim();
    if (nested.startsWith('-----BEGIN') || /^[0-9a-fA-F]{64,}$/.test(nested)) return derOfText(nested);
  } catch {
    // Not text: it is the DER itself.
  }
  return [binary];
}

/** Text without percent-encoding, which PCS puts on issuer chains in headers and which ends up in files. Other percent signs stay. */
export function plainText(text: string): string {
  if (!/%0A|%20/i.test(text)) return text;
  return text.replace(/%([2-7][0-9A-Fa-f]|0[9AaDd])/g, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16)));
}
