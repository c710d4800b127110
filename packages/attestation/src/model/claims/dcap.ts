/** Claims of Intel's DCAP quotes: SGX enclaves and TDX trust domains. */

import type { BoundKeyIdentity, ClaimsOf, ReportDataBindings, TcbStanding } from './shape.ts';

/** The platform, from its PCK certificate: lower-case hex unless noted. */
export type DcapIdentity = {
  readonly fmspc: string;
  readonly ppid: string;
  readonly 'pce-id': string;
  /** Decimal. */
  readonly 'pce-svn': string;
  readonly 'cpu-svn': string;
  readonly 'pck-serial': string;
  readonly 'pck-ca': 'processor' | 'platform';
  readonly 'platform-id': string;
  /** Platforms of several packages only. */
  readonly 'platform-instance-id'?: string;
};

/** What SGX and TDX quotes say alike. */
export type DcapDetails = {
  readonly quoteVersion: number;
  readonly qeSvn: number;
  readonly pceSvn: number;
  /** Zero bytes after the quote. */
  readonly paddingBytes: number;
  /** Open Enclave's custom claims, hex. */
  readonly customClaims?: string;
  readonly platform: {
    readonly sgxType: 'standard' | 'scalable' | 'scalable-with-integrity';
    readonly configuration: {
      readonly dynamicPlatform: boolean | null;
      readonly cachedKeys: boolean | null;
      readonly smtEnabled: boolean | null;
    } | null;
  };
  readonly quotingEnclave: { readonly mrEnclave: string; readonly mrSigner: string; readonly isvSvn: number };
  /** Standings that were merged into `tcb.status`. */
  readonly tcbParts: {
    readonly platform: string | null;
    readonly quotingEnclave: string | null;
    readonly tdxModule: string | null;
  };
  /** TDX 1.5: the standing a TD launched now would have. */
  readonly currentTcb: {
    readonly status: string;
    readonly advisories: readonly string[];
    readonly date: string | null;
  } | null;
  readonly collateral: {
    readonly tcbInfoVersion: number;
    readonly tcbEvaluationDataNumber: { readonly tcbInfo: number; readonly qeIdentity: number };
    /** RFC 3339. */
    readonly tcbInfoIssued: string | null;
    readonly qeIdentityIssued: string | null;
  };
};

export type SgxMeasurements = {
  readonly mrenclave: string;
  readonly mrsigner: string;
  readonly isvprodid: string;
  readonly isvsvn: string;
  readonly configid: string;
  readonly configsvn: string;
  readonly isvextprodid: string;
  readonly isvfamilyid: string;
};

export type SgxDetails = DcapDetails & {
  readonly attributes: { readonly flags: string; readonly set: readonly string[]; readonly xfrm: string };
  readonly miscSelect: number;
  readonly reportCpuSvn: string;
};

/** An Intel SGX quote. */
export interface SgxClaims
  extends ClaimsOf<
    'sgx',
    SgxMeasurements,
    DcapIdentity & { readonly 'isv-prod-id': string; readonly 'isv-svn': string },
    SgxDetails
  > {
  readonly debug: boolean;
  readonly tcb: TcbStanding;
  readonly bindings: ReportDataBindings;
}

export type TdxMeasurements = {
  readonly mrtd: string;
  readonly rtmr0: string;
  readonly rtmr1: string;
  readonly rtmr2: string;
  readonly rtmr3: string;
  readonly mrseam: string;
  readonly mrsignerseam: string;
  readonly mrconfigid: string;
  readonly mrowner: string;
  readonly mrownerconfig: string;
  /** TD reports from 1.5 on. */
  readonly mrservicetd?: string;
};

export type TdxDetails = DcapDetails & {
  readonly tdReport: '1.0' | '1.5' | '1.5-ex';
  readonly teeTcbSvn: string;
  readonly teeTcbSvn2: string | null;
  readonly seamAttributes: string;
  readonly tdAttributes: {
    readonly hex: string;
    readonly set: readonly string[];
    readonly septVeDisable: boolean;
    readonly migratable: boolean;
  };
  readonly xfam: string;
  /** Azure: text that the report data commits to. */
  readonly runtimeData?: string;
  /** TD reports 1.5 of migratable TDs: bytes in hex. */
  readonly migration?: Readonly<Record<string, string | number>>;
};

/** An Intel TDX quote. */
export interface TdxClaims extends ClaimsOf<'tdx', TdxMeasurements, DcapIdentity & BoundKeyIdentity, TdxDetails> {
  readonly debug: boolean;
  readonly tcb: TcbStanding;
  readonly bindings: ReportDataBindings;
}
