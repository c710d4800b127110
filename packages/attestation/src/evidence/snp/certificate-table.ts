/**
 * The certificate table a host hands out beside an SNP report: entries of GUID, offset and length, closed by a zero entry,
 * then the certificates, DER or PEM.
 * Source: AMD Guest-Hypervisor Communication Block standardization 56421, §4.1.8.1 (SNP Extended Guest Request).
 *
 * Everything in it comes from the host: names of entries are hints, the certificates are candidates, nothing is trusted.
 */

import { decodeUtf8 } from '@assay/encoding/bytes';
import { encodeHex } from '@assay/encoding/hex';
import { decodePem } from '@assay/encoding/pem';
import { ByteReader } from '@assay/encoding/reader';
import { AttestationError } from '../../errors.ts';
import { allZero, reading } from '../reading.ts';

const ENTRY_LENGTH = 24; // bytes
/** Entries looked at before the table is called endless. */
const MAX_ENTRIES = 64;

/** GUIDs in RFC 4122 byte order, as hex. */
const CERTIFICATE_GUIDS: ReadonlySet<string> = new Set([
  '63da758de6644564adc5f4b93be8accd', // VCEK
  'a8074bc2a25a483eaae639c045a0b8a1', // VLEK
  '4ab7b379bbac4fe4a02f05aef327c782', // ASK or ASVK
  'c0b406a4a803495297433fb6014cd0ae', // ARK
]);

/**
 * Certificates of the table that fills `bytes`, DER, in table order. Entries with other GUIDs (extra platform data) are left out.
 * @throws {AttestationError} `snp/certificate-table-malformed`.
 */
export function parseCertificateTable(bytes: Uint8Array): readonly Uint8Array[] {
  return reading('snp/certificate-table-malformed', 'certificate table', () => {
    const reader = new ByteReader(bytes, 'certificate table');
    const certificates: Uint8Array[] = [];
    for (let entries = 0; ; entries++) {
      if (entries === MAX_ENTRIES) throw malformed(`expected at most ${MAX_ENTRIES} entries, got more`);
      const entry = new ByteReader(reader.bytes(ENTRY_LENGTH), 'certificate table entry');
      const guid = entry.bytes(16);
      const [offset, length] = [entry.u32le(), entry.u32le()];
      if (allZero(guid) && length === 0) return certificates;
      if (offset + length > bytes.length) {
        throw malformed(`expected entry ${entries} inside ${bytes.length} bytes, got ${length} bytes at ${offset}`);
      }
      const content = bytes.subarray(offset, offset + length);
      if (CERTIFICATE_GUIDS.has(encodeHex(guid))) certificates.push(...certificatesIn(content));
    }
  });
}

/**
 * DER certificates in `content`: PEM blocks, or one DER element with zero padding after it.
 * @throws {AttestationError} `snp/certificate-table-malformed`.
 */
export function certificatesIn(content: Uint8Array): readonly Uint8Array[] {
  if (content[0] === 0x2d) {
    return decodePem(decodeUtf8(content))
      .filter(({ label }) => label === 'CERTIFICATE')
      .map(({ der }) => der);
  }
  if (content[0] !== 0x30 || content[1] !== 0x82) return [];
  const length = 4 + (content[2] as number) * 256 + (content[3] as number);
  if (length > content.length) throw malformed('expected a whole certificate in the entry, got a truncated one');
  if (!allZero(content.subarray(length))) throw malformed('expected zero padding after the certificate, got other bytes');
  return [content.subarray(0, length)];
}

function malformed(message: string): AttestationError {
  return new AttestationError('snp/certificate-table-malformed', message);
}
