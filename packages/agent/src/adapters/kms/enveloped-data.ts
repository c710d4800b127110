/**
 * Opens what AWS KMS answers to an enclave (`CiphertextForRecipient`): CMS EnvelopedData (RFC 5652 §6) in BER, one recipient, its key under
 * RSAES-OAEP with SHA-256 (RFC 8017 §7.1), the content under AES-256-CBC. Anything else is refused.
 *
 * Not checked: who made it. CBC has no tag, and the recipient's key is public: the answer is KMS's because TLS says so.
 */

import { constants, createDecipheriv, type KeyObject, privateDecrypt } from 'node:crypto';

/** Bytes; KMS answers a data key with about 600. */
export const MAX_ENVELOPE_BYTES = 16 * 1024;

const ENVELOPED_DATA = '1.2.840.113549.1.7.3';
const DATA = '1.2.840.113549.1.7.1';
const RSAES_OAEP = '1.2.840.113549.1.1.7';
const AES_256_CBC = '2.16.840.1.101.3.4.1.42';

/**
 * The content of an envelope for one RSA key.
 * @param bytes BER, at most 16 KiB.
 * @throws {Error} for another structure or algorithm, or a key that does not open it; the message holds nothing of the content.
 * @example const secret = await openEnvelopedData(decodeBase64(answer.CiphertextForRecipient), privateKey)
 */
export async function openEnvelopedData(bytes: Uint8Array, privateKey: KeyObject): Promise<Uint8Array> {
  if (bytes.length > MAX_ENVELOPE_BYTES) throw new Error(`expected at most ${MAX_ENVELOPE_BYTES} bytes, got ${bytes.length}`);
  // Loaded when it is needed: agents outside of Nitro enclaves never do.
  const [{ AsnConvert, OctetString }, { ContentInfo, EnvelopedData }] = await Promise.all([
    import('@peculiar/asn1-schema'),
    import('@peculiar/asn1-cms'),
  ]);
  const info = AsnConvert.parse(bytes, ContentInfo);
  if (info.contentType !== ENVELOPED_DATA) throw new Error(`expected enveloped data, got ${info.contentType}`);
  const { recipientInfos, encryptedContentInfo } = AsnConvert.parse(info.content, EnvelopedData);
  const [recipient, ...others] = recipientInfos;
  const transport = recipient?.ktri;
  if (transport === undefined || others.length > 0) throw new Error('expected one recipient with a transported key');
  const { algorithm: wrapping } = transport.keyEncryptionAlgorithm;
  const { algorithm: cipher, parameters } = encryptedContentInfo.contentEncryptionAlgorithm;
  if (wrapping !== RSAES_OAEP || cipher !== AES_256_CBC || encryptedContentInfo.contentType !== DATA)
    throw new Error(`expected data under RSAES-OAEP and AES-256-CBC, got ${wrapping} and ${cipher}`);
  const content = encryptedContentInfo.encryptedContent;
  if (content === undefined || parameters == null) throw new Error('expected content and an initialization vector, got none');
  const iv = new Uint8Array(AsnConvert.parse(parameters, OctetString).buffer);
  const pieces = content.value === undefined ? (content.constructedValue ?? []) : [content.value];
  const key = privateDecrypt(
    { key: privateKey, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha256' },
    new Uint8Array(transport.encryptedKey.buffer),
  );
  const decipher = createDecipheriv('aes-256-cbc', key, iv);
  const opened = Buffer.concat([...pieces.map(({ buffer }) => decipher.update(new Uint8Array(buffer))), decipher.final()]);
  key.fill(0);
  return new Uint8Array(opened);
}
