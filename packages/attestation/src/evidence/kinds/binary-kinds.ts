/** Binary files that come up beside evidence, by their first bytes and shapes. */

import { EncodingError } from '@assay/encoding/errors';
import { publicKeyAlgorithm } from '../../certificates/algorithms.ts';
import { AttestationError } from '../../errors.ts';
import { classifyDer } from '../endorsement-der.ts';
import { parseCertificateTable } from '../snp/certificate-table.ts';
import { pcrValuesOf } from '../tpm/pcr-values.ts';
import { spkiOfPublicArea } from '../tpm/public-area.ts';
import { signatureOf } from '../tpm/quote.ts';
import { beginsWith, type KindRule, WITH_COLLATERAL } from './kind.ts';

const UNPACK = 'unpack it and give the files inside';
const NO_EVIDENCE = 'check the path';
const TD_REPORT_LENGTH = 1024;
const SGX_REPORT_LENGTH = 432;
const EPID_QUOTE_LENGTH = 1116;

function reads(read: () => unknown): boolean {
  try {
    return read() !== null;
  } catch (error) {
    if (EncodingError.is(error) || AttestationError.is(error)) return false;
    throw error;
  }
}

function magic(what: string, advice: string, ...signature: readonly number[]): KindRule {
  return { what, advice, is: ({ bytes }) => beginsWith(bytes, signature) };
}

const DER_KINDS: Readonly<Record<string, string>> = {
  certificate: 'a certificate without evidence in it',
  crl: 'a certificate revocation list',
  ocsp: 'an OCSP answer',
};

function derRule(kind: string): KindRule {
  return { what: DER_KINDS[kind] ?? kind, advice: WITH_COLLATERAL, is: ({ bytes }) => classifyDer(bytes)?.[0]?.kind === kind };
}

export const BINARY_KINDS: readonly KindRule[] = [
  { what: 'an empty file', advice: 'export it again', is: ({ bytes }) => bytes.length === 0 },
  magic('a gzip archive', UNPACK, 0x1f, 0x8b),
  magic('a zip archive', UNPACK, 0x50, 0x4b, 0x03, 0x04),
  magic('an xz archive', UNPACK, 0xfd, 0x37, 0x7a, 0x58, 0x5a),
  magic('a zstd archive', UNPACK, 0x28, 0xb5, 0x2f, 0xfd),
  magic('a bzip2 archive', UNPACK, 0x42, 0x5a, 0x68),
  { what: 'a tar archive', advice: UNPACK, is: ({ bytes }) => beginsWith(bytes, [0x75, 0x73, 0x74, 0x61, 0x72], 257) },
  magic(
    'an enclave image (EIF)',
    'give an attestation document; pin the measurements of the image in a policy',
    0x2e,
    0x65,
    0x69,
    0x66,
  ),
  magic('an executable', NO_EVIDENCE, 0x7f, 0x45, 0x4c, 0x46),
  magic('an executable', NO_EVIDENCE, 0x4d, 0x5a, 0x90),
  magic('a PDF document', NO_EVIDENCE, 0x25, 0x50, 0x44, 0x46),
  magic('a picture', NO_EVIDENCE, 0x89, 0x50, 0x4e, 0x47),
  magic('an SQLite database', NO_EVIDENCE, 0x53, 0x51, 0x4c, 0x69, 0x74, 0x65),
  magic('an Arm CCA token', 'ask for evidence of a TEE that Assay verifies; it does not verify Arm CCA yet', 0xd9, 0x01, 0x8f),
  {
    what: 'a boot event log (TCG)',
    advice: 'give the quote as the subject; PCRs and RTMRs are compared with a policy, not with this log',
    is: ({ bytes }) => new TextDecoder('latin1').decode(bytes.subarray(0, 128)).includes('Spec ID Event03'),
  },
  {
    what: 'a TD report, which only the machine that made it can check',
    advice: 'ask the quoting service for a quote of it',
    is: ({ bytes }) => bytes.length === TD_REPORT_LENGTH && bytes[0] === 0x81,
  },
  {
    what: 'an SGX report, which only the machine that made it can check',
    advice: 'ask the quoting enclave for a quote of it',
    is: ({ bytes }) => bytes.length === SGX_REPORT_LENGTH && bytes.subarray(64, 80).some((byte) => byte !== 0),
  },
  {
    what: 'an SGX quote of the EPID kind, whose service Intel ended in 2025',
    advice: 'have the platform make an ECDSA (DCAP) quote',
    is: ({ bytes }) => bytes.length === EPID_QUOTE_LENGTH && (bytes[0] === 1 || bytes[0] === 2),
  },
  {
    what: 'the certificate table of an SNP report (auxblob)',
    advice: 'give the report (outblob) as the subject and this file with --collateral',
    is: ({ bytes }) => bytes.length >= 48 && reads(() => (parseCertificateTable(bytes).length > 0 ? true : null)),
  },
  derRule('certificate'),
  derRule('crl'),
  derRule('ocsp'),
  {
    what: 'a private key',
    advice: 'keep it secret; evidence needs none',
    is: ({ bytes }) =>
      bytes[0] === 0x30 &&
      [4, 7, 2].some(
        (at) => beginsWith(bytes, [0x02, 0x01, 0x00, 0x30], at) || beginsWith(bytes, [0x02, 0x01, 0x00, 0x02, 0x82], at),
      ),
  },
  {
    what: 'a public key',
    advice: 'give it with --root if you know whose it is, beside the evidence that it signed',
    is: ({ bytes }) => bytes[0] === 0x30 && reads(() => publicKeyAlgorithm(bytes)),
  },
  {
    what: "the public area of a TPM's key",
    advice: 'give the quote as the subject and this file with --collateral',
    is: ({ bytes }) => spkiOfPublicArea(bytes) !== null,
  },
  {
    what: 'the PCR values of a TPM quote',
    advice: 'give the message of the quote as the subject, this file and the signature with --collateral',
    is: ({ bytes }) => pcrValuesOf(bytes, []) !== null,
  },
  {
    what: 'the signature of a TPM quote',
    advice: 'give the message of the quote as the subject and this file with --collateral',
    is: ({ bytes }) => bytes.length <= 1024 && bytes[0] === 0 && reads(() => signatureOf(bytes)),
  },
  {
    what: 'a COSE message that is no Nitro document',
    advice: 'check which issuer made it; of COSE, Assay reads documents of AWS Nitro',
    is: ({ bytes }) =>
      bytes.length > 64 && (beginsWith(bytes, [0xd2, 0x84]) || (bytes[0] === 0x84 && ((bytes[1] ?? 0) & 0xe0) === 0x40)),
  },
];
