/**
 * The TD report body of a TDX quote: 1.0 (584 bytes), 1.5 (648: adds TEE_TCB_SVN_2 and MRSERVICETD) and 1.5 extended
 * (885: adds the migration fields). Source: Intel TDX DCAP Quoting Library API, "TD Quote Body" descriptors 2, 3 and 4;
 * TDX module base specification, TDREPORT_STRUCT and TD ATTRIBUTES.
 * Not checked here: what the attributes mean for trust; see verifier/dcap/td-attributes.ts.
 */

import { ByteReader } from '@assay/encoding/reader';

/** Body length in bytes by TD report version. */
export const TD_REPORT_LENGTHS = { '1.0': 584, '1.5': 648, '1.5-ex': 885 } as const;

export type TdReportVersion = keyof typeof TD_REPORT_LENGTHS;

/** Fields of TDX 1.5 reports. */
export interface TdReport15Fields {
  /** The TCB of the TDX module that runs now; `teeTcbSvn` is the one the TD was launched under. 16 bytes. */
  readonly teeTcbSvn2: Uint8Array;
  /** Measurement of the bound service TDs (migration), 48 bytes; zeros when there are none. */
  readonly mrServiceTd: Uint8Array;
}

/** Fields of the extended TDX 1.5 report: where a migrated TD came from. */
export interface TdReport15ExFields {
  readonly vmId: number;
  /** 32 bytes. */
  readonly tdId: Uint8Array;
  /** 48 bytes. */
  readonly devInfo: Uint8Array;
  /** 48 bytes. */
  readonly initServiceTdHash: Uint8Array;
  /** 8 bytes. */
  readonly initServiceTdAttributes: Uint8Array;
  /** 16 bytes. */
  readonly initCpuSvn: Uint8Array;
  /** 16 bytes. */
  readonly initTeeTcbSvn: Uint8Array;
  /** 12 bytes. */
  readonly initTeeFmspc: Uint8Array;
  /** 48 bytes. */
  readonly currentServiceTdHash: Uint8Array;
  /** 8 bytes. */
  readonly currentServiceTdAttributes: Uint8Array;
}

export interface TdReport {
  readonly kind: 'td';
  readonly version: TdReportVersion;
  readonly raw: Uint8Array;
  /** 16 component SVNs; [0] and [1] are the TDX module's minor SVN and major version. */
  readonly teeTcbSvn: Uint8Array;
  /** 48 bytes, as all MR and RTMR fields. */
  readonly mrSeam: Uint8Array;
  readonly mrSignerSeam: Uint8Array;
  /** 8 bytes. */
  readonly seamAttributes: Uint8Array;
  /** 8 bytes, little-endian bit field. */
  readonly tdAttributes: Uint8Array;
  /** 8 bytes. */
  readonly xfam: Uint8Array;
  readonly mrTd: Uint8Array;
  readonly mrConfigId: Uint8Array;
  readonly mrOwner: Uint8Array;
  readonly mrOwnerConfig: Uint8Array;
  readonly rtmr: readonly [Uint8Array, Uint8Array, Uint8Array, Uint8Array];
  /** 64 bytes. */
  readonly reportData: Uint8Array;
  readonly v15: TdReport15Fields | null;
  readonly v15ex: TdReport15ExFields | null;
}

/**
 * Reads a TD report body of a known version.
 * @param raw exactly `TD_REPORT_LENGTHS[version]` bytes; kept as views, not copied.
 */
export function parseTdReport(raw: Uint8Array, version: TdReportVersion): TdReport {
  const reader = new ByteReader(raw, 'TD report');
  const report = {
    kind: 'td',
    version,
    raw,
    teeTcbSvn: reader.bytes(16),
    mrSeam: reader.bytes(48),
    mrSignerSeam: reader.bytes(48),
    seamAttributes: reader.bytes(8),
    tdAttributes: reader.bytes(8),
    xfam: reader.bytes(8),
    mrTd: reader.bytes(48),
    mrConfigId: reader.bytes(48),
    mrOwner: reader.bytes(48),
    mrOwnerConfig: reader.bytes(48),
    rtmr: [reader.bytes(48), reader.bytes(48), reader.bytes(48), reader.bytes(48)],
    reportData: reader.bytes(64),
    v15: version === '1.0' ? null : { teeTcbSvn2: reader.bytes(16), mrServiceTd: reader.bytes(48) },
    v15ex: version === '1.5-ex' ? readExtension(reader) : null,
  } as const;
  reader.end();
  return report;
}

function readExtension(reader: ByteReader): TdReport15ExFields {
  return {
    vmId: reader.u8(),
    tdId: reader.bytes(32),
    devInfo: reader.bytes(48),
    initServiceTdHash: reader.bytes(48),
    initServiceTdAttributes: reader.bytes(8),
    initCpuSvn: reader.bytes(16),
    initTeeTcbSvn: reader.bytes(16),
    initTeeFmspc: reader.bytes(12),
    currentServiceTdHash: reader.bytes(48),
    currentServiceTdAttributes: reader.bytes(8),
  };
}
