/** Claims of AMD SEV-SNP reports. */

import type { BoundKeyIdentity, ClaimsOf, ReportDataBindings } from './shape.ts';

export type SevSnpMeasurements = {
  readonly measurement: string;
  readonly 'host-data': string;
  readonly 'id-key-digest': string;
  readonly 'author-key-digest': string;
};

export type SevSnpIdentity = {
  readonly product: 'Milan' | 'Genoa' | 'Turin';
  /** With stepping where there is one: `Milan-B0`. */
  readonly 'product-name': string;
  readonly 'signing-key': 'vcek' | 'vlek';
  /** Absent when the host masks it. */
  readonly 'chip-id'?: string;
  /** VLEK only. */
  readonly 'csp-id'?: string;
};

/** Security patch levels; `fmc` is `null` before Turin. */
export type SevSnpTcb = {
  readonly fmc: number | null;
  readonly bootloader: number;
  readonly tee: number;
  readonly snp: number;
  readonly microcode: number;
};

export type SevSnpDetails = {
  readonly version: number;
  readonly guestSvn: number;
  /** 0 to 3; 0xffffffff when the host asked for the report. */
  readonly vmpl: number;
  readonly signingKey: 'vcek' | 'vlek' | 'none';
  readonly policyBits: string;
  readonly policy: {
    readonly abiMinor: number;
    readonly abiMajor: number;
    readonly smtAllowed: boolean;
    readonly migrationAgentAllowed: boolean;
    readonly debugAllowed: boolean;
    readonly singleSocketRequired: boolean;
    readonly cxlAllowed: boolean;
    readonly memoryAes256XtsRequired: boolean;
    readonly raplDisableRequired: boolean;
    readonly ciphertextHidingRequired: boolean;
    readonly pageSwapDisabled: boolean;
  };
  readonly platformBits: string;
  readonly platform: {
    readonly smtEnabled: boolean;
    readonly tsmeEnabled: boolean;
    readonly eccEnabled: boolean;
    readonly raplDisabled: boolean;
    readonly ciphertextHidingEnabled: boolean;
    readonly aliasCheckComplete: boolean;
    readonly tioEnabled: boolean;
  };
  readonly tcb: {
    readonly current: SevSnpTcb;
    readonly reported: SevSnpTcb;
    readonly committed: SevSnpTcb;
    readonly launch: SevSnpTcb;
  };
  readonly firmware: { readonly current: string; readonly committed: string };
  readonly mitigations: { readonly launch: string; readonly current: string };
  readonly familyId: string;
  readonly imageId: string;
  readonly reportId: string;
  readonly reportIdMa: string;
  readonly authorKeyEnabled: boolean;
  readonly chipKeyMasked: boolean;
  /** `null` before report version 3. */
  readonly cpuid: { readonly family: number; readonly model: number; readonly stepping: number } | null;
  /** Azure: text that the report data commits to. */
  readonly runtimeData?: string;
};

/** An AMD SEV-SNP report. */
export interface SevSnpClaims
  extends ClaimsOf<'sev-snp', SevSnpMeasurements, SevSnpIdentity & BoundKeyIdentity, SevSnpDetails> {
  readonly debug: boolean;
  readonly bindings: ReportDataBindings;
}
