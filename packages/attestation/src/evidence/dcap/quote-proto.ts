/**
 * A TDX quote as google/go-tdx-guest serialises it: Protocol Buffers, field by field. The quote is put together again; whatever the
 * carrier left out or changed gives other bytes, and then the attestation key's signature does not fit.
 * Source: google/go-tdx-guest, proto/tdx.proto (QuoteV4, QuoteV5); Intel TDX DCAP quoting library API, appendix 3.
 */

import { concatBytes } from '@assay/encoding/bytes';
import { AttestationError } from '../../errors.ts';
import { type ProtobufField, protobufContent, protobufContents, protobufFields } from '../carriers/protobuf.ts';
import type { ProtobufSchema } from '../carriers/text-format.ts';

const HEADER: ProtobufSchema = {
  version: [1, 'integer'],
  attestation_key_type: [2, 'integer'],
  tee_type: [3, 'integer'],
  qe_svn: [4, 'bytes'],
  pce_svn: [5, 'bytes'],
  qe_vendor_id: [6, 'bytes'],
  user_data: [7, 'bytes'],
};
const BODY: ProtobufSchema = {
  tee_tcb_svn: [1, 'bytes'],
  mr_seam: [2, 'bytes'],
  mr_signer_seam: [3, 'bytes'],
  seam_attributes: [4, 'bytes'],
  td_attributes: [5, 'bytes'],
  xfam: [6, 'bytes'],
  mr_td: [7, 'bytes'],
  mr_config_id: [8, 'bytes'],
  mr_owner: [9, 'bytes'],
  mr_owner_config: [10, 'bytes'],
  rtmrs: [11, 'bytes'],
  report_data: [12, 'bytes'],
};
const ENCLAVE_REPORT: ProtobufSchema = {
  cpu_svn: [1, 'bytes'],
  misc_select: [2, 'integer'],
  reserved1: [3, 'bytes'],
  attributes: [4, 'bytes'],
  mr_enclave: [5, 'bytes'],
  reserved2: [6, 'bytes'],
  mr_signer: [7, 'bytes'],
  reserved3: [8, 'bytes'],
  isv_prod_id: [9, 'integer'],
  isv_svn: [10, 'integer'],
  reserved4: [11, 'bytes'],
  report_data: [12, 'bytes'],
};
const CHAIN: ProtobufSchema = { certificate_data_type: [1, 'integer'], size: [2, 'integer'], pck_cert_chain: [3, 'bytes'] };
const QE_REPORT_DATA: ProtobufSchema = {
  qe_report: [1, ENCLAVE_REPORT],
  qe_report_signature: [2, 'bytes'],
  qe_auth_data: [3, { parsed_data_size: [1, 'integer'], data: [2, 'bytes'] }],
  pck_certificate_chain_data: [4, CHAIN],
};
const SIGNED_DATA: ProtobufSchema = {
  signature: [1, 'bytes'],
  ecdsa_attestation_key: [2, 'bytes'],
  certification_data: [
    3,
    { certificate_data_type: [1, 'integer'], size: [2, 'integer'], qe_report_certification_data: [3, QE_REPORT_DATA] },
  ],
};
const REST: ProtobufSchema = {
  signed_data_size: [3, 'integer'],
  signed_data: [4, SIGNED_DATA],
  extra_bytes: [5, 'bytes'],
};

export const QUOTE_V4_SCHEMA: ProtobufSchema = { header: [1, HEADER], td_quote_body: [2, BODY], ...REST };
export const QUOTE_V5_SCHEMA: ProtobufSchema = {
  header: [1, HEADER],
  td_quote_body_descriptor: [
    2,
    {
      td_quote_body_type: [1, 'integer'],
      td_quote_body_size: [2, 'integer'],
      td_quote_body_v5: [3, { ...BODY, tee_tcb_svn2: [13, 'bytes'], mr_service_td: [14, 'bytes'] }],
    },
  ],
  ...REST,
};

const TDX = 0x81n;
const HEADER_LENGTHS: readonly (readonly [number, number])[] = [
  [5, 2],
  [4, 2],
  [6, 16],
  [7, 20],
];
/** Fields of a TD report in the order of its bytes, with their lengths; 11 are the four RTMRs. */
const BODY_LENGTHS: readonly (readonly [number, number])[] = [
  [1, 16],
  [2, 48],
  [3, 48],
  [4, 8],
  [5, 8],
  [6, 8],
  [7, 48],
  [8, 48],
  [9, 48],
  [10, 48],
  [11, 192],
  [12, 64],
];
const BODY_V15_LENGTHS: readonly (readonly [number, number])[] = [
  [13, 16],
  [14, 48],
];

/**
 * The quote that a `QuoteV4` or `QuoteV5` message spells out, `null` when `bytes` are something else.
 * @throws {AttestationError} `dcap/quote-malformed` for such a message that lacks a part or has one of another length.
 * @example quoteOfProto(file)
 */
export function quoteOfProto(bytes: Uint8Array): Uint8Array | null {
  const quote = protobufFields(bytes);
  const header = quote === null ? null : protobufFields(protobufContent(quote, 1) ?? new Uint8Array(0));
  if (quote === null || header === null) return null;
  const [version, tee] = [integerOf(header, 1), integerOf(header, 3)];
  if (tee !== TDX || (version !== 4n && version !== 5n)) return null;
  const second = new Part(quote, 2, 'td_quote_body');
  const head = concatBytes(
    littleEndian(version, 2),
    littleEndian(integerOf(header, 2), 2),
    littleEndian(tee, 4),
    ...new Part(quote, 1, 'header').bytes(HEADER_LENGTHS),
  );
  const body = version === 4n ? concatBytes(...second.bytes(BODY_LENGTHS)) : describedBody(second);
  const signed = signedData(new Part(quote, 4, 'signed_data'));
  return concatBytes(
    head,
    body,
    littleEndian(BigInt(signed.length), 4),
    signed,
    protobufContent(quote, 5) ?? new Uint8Array(0),
  );
}

/** Version 5: type and size come first; type 3 has the two fields of TDX 1.5. */
function describedBody(descriptor: Part): Uint8Array {
  const type = descriptor.integer(1);
  const inner = descriptor.part(3, 'td_quote_body_v5');
  const body = concatBytes(...inner.bytes(type === 3n ? [...BODY_LENGTHS, ...BODY_V15_LENGTHS] : BODY_LENGTHS));
  return concatBytes(littleEndian(type, 2), littleEndian(BigInt(body.length), 4), body);
}

function signedData(part: Part): Uint8Array {
  const certification = part.part(3, 'certification_data');
  const data = certification.part(3, 'qe_report_certification_data');
  const report = data.part(1, 'qe_report');
  const chain = data.part(4, 'pck_certificate_chain_data');
  const auth = data.optional(3, 'qe_auth_data')?.content(2) ?? new Uint8Array(0);
  const pem = chain.content(3);
  const inner = concatBytes(
    report.fixed(1, 16),
    littleEndian(report.integer(2), 4),
    report.fixed(3, 28),
    ...report.bytes([
      [4, 16],
      [5, 32],
      [6, 32],
      [7, 32],
      [8, 96],
    ]),
    littleEndian(report.integer(9), 2),
    littleEndian(report.integer(10), 2),
    report.fixed(11, 60),
    report.fixed(12, 64),
    data.fixed(2, 64),
    littleEndian(BigInt(auth.length), 2),
    auth,
    littleEndian(chain.integer(1), 2),
    littleEndian(BigInt(pem.length), 4),
    pem,
  );
  const head = [littleEndian(certification.integer(1), 2), littleEndian(BigInt(inner.length), 4)];
  return concatBytes(part.fixed(1, 64), part.fixed(2, 64), ...head, inner);
}

/** One message inside another; everything missing is named by its place. */
class Part {
  readonly #fields: readonly ProtobufField[];
  readonly #name: string;

  constructor(parent: readonly ProtobufField[], number: number, name: string) {
    const content = protobufContent(parent, number);
    const fields = content === null ? null : protobufFields(content);
    if (fields === null || fields.length === 0) throw malformed(`expected ${name}, got none`);
    this.#fields = fields;
    this.#name = name;
  }

  part(number: number, name: string): Part {
    return new Part(this.#fields, number, `${this.#name}.${name}`);
  }

  optional(number: number, name: string): Part | null {
    return protobufContent(this.#fields, number) === null ? null : this.part(number, name);
  }

  integer(number: number): bigint {
    return integerOf(this.#fields, number);
  }

  content(number: number): Uint8Array {
    return protobufContent(this.#fields, number) ?? new Uint8Array(0);
  }

  /** All values of a field, of `length` bytes together; zeros that were left out, as proto3 leaves out what is empty, come back. */
  fixed(number: number, length: number): Uint8Array {
    const value = concatBytes(...protobufContents(this.#fields, number));
    if (value.length === 0) return new Uint8Array(length);
    if (value.length === length) return value;
    throw malformed(`expected ${length} bytes in field ${number} of ${this.#name}, got ${value.length}`);
  }

  bytes(fields: readonly (readonly [number, number])[]): readonly Uint8Array[] {
    return fields.map(([number, length]) => this.fixed(number, length));
  }
}

/** Integers of zero are left out of a message. */
function integerOf(fields: readonly ProtobufField[], wanted: number): bigint {
  return fields.find(({ number, integer }) => number === wanted && integer !== null)?.integer ?? 0n;
}

function littleEndian(value: bigint, length: number): Uint8Array {
  if (value >> BigInt(8 * length) !== 0n) throw malformed(`expected an integer of ${length} bytes, got ${value}`);
  return Uint8Array.from({ length }, (_, index) => Number((value >> BigInt(8 * index)) & 0xffn));
}

function malformed(message: string): AttestationError {
  return new AttestationError(
    'dcap/quote-malformed',
    `${message} in the protobuf form of a quote; write the whole message, or the raw quote`,
  );
}
