/**
 * Intel TCB info, versions 2 (SGX) and 3 (SGX, TDX): what standing Intel gives a platform at which security versions.
 * Source: Intel Provisioning Certification Service API v3 and v4, "Get TCB Info", TcbInfoV2 and TcbInfoV3.
 * Not checked here: signature and dates; see verifier/dcap/collateral.ts.
 */

import { SignedObject } from './signed-json.ts';

/** Statuses Intel gives to a TCB level of a platform. */
export const PLATFORM_TCB_STATUSES = [
  'UpToDate',
  'SWHardeningNeeded',
  'ConfigurationNeeded',
  'ConfigurationAndSWHardeningNeeded',
  'OutOfDate',
  'OutOfDateConfigurationNeeded',
  'Revoked',
] as const;
export type PlatformTcbStatus = (typeof PLATFORM_TCB_STATUSES)[number];

/** Statuses Intel gives to a TCB level of an enclave or a TDX module. */
export const MODULE_TCB_STATUSES = ['UpToDate', 'OutOfDate', 'Revoked'] as const;
export type ModuleTcbStatus = (typeof MODULE_TCB_STATUSES)[number];

/** A level of one software component, keyed by its security version. Lists of them are sorted, highest first. */
export interface SvnLevel {
  readonly isvSvn: number;
  readonly status: ModuleTcbStatus;
  /** Epoch milliseconds. */
  readonly date: number;
  readonly advisories: readonly string[];
}

export interface PlatformTcbLevel {
  /** 16 SGX component SVNs. */
  readonly sgx: Uint8Array;
  /** 16 TDX component SVNs; `null` in SGX documents. */
  readonly tdx: Uint8Array | null;
  /** What each component is, for people: `TDX Module, OS/VMM`; empty where the document does not say. */
  readonly sgxLabels: readonly string[];
  readonly tdxLabels: readonly string[];
  readonly pceSvn: number;
  readonly status: PlatformTcbStatus;
  /** Epoch milliseconds. */
  readonly date: number;
  readonly advisories: readonly string[];
}

/** Who may have signed a TDX module, and what SEAMATTRIBUTES it must report. */
export interface TdxModule {
  /** 48 bytes. */
  readonly mrSigner: Uint8Array;
  /** 8 bytes. */
  readonly attributes: Uint8Array;
  /** 8 bytes. */
  readonly attributesMask: Uint8Array;
}

/** A major version of the TDX module; `id` is `TDX_` and the version in hexadecimal, upper case. */
export interface TdxModuleIdentity extends TdxModule {
  readonly id: string;
  readonly levels: readonly SvnLevel[];
}

export interface TcbInfo {
  readonly tee: 'sgx' | 'tdx';
  readonly version: 2 | 3;
  /** Epoch milliseconds. */
  readonly issueDate: number;
  /** Epoch milliseconds. */
  readonly nextUpdate: number;
  /** 6 bytes. */
  readonly fmspc: Uint8Array;
  /** 2 bytes. */
  readonly pceId: Uint8Array;
  readonly evaluationNumber: number;
  /** Highest first, whatever order the document has. */
  readonly levels: readonly PlatformTcbLevel[];
  /** `null` in SGX documents. */
  readonly tdxModule: TdxModule | null;
  readonly tdxModuleIdentities: readonly TdxModuleIdentity[];
}

const MALFORMED = 'dcap/tcb-info-malformed';
/** All sixteen must be there, or a comparison would end early. */
const COMPONENTS = 16;

/**
 * Reads the signed body of a TCB info document.
 * @param body the exact bytes of the `tcbInfo` object.
 * @throws {AttestationError} `dcap/tcb-info-malformed`.
 */
export function parseTcbInfo(body: Uint8Array): TcbInfo {
  const document = SignedObject.parse(body, 'tcbInfo', MALFORMED);
  const version = document.whole('version', 0xffff);
  if (version !== 2 && version !== 3) return document.refuse(`expected version 2 or 3, got ${version}`);
  const tee = version === 3 && document.oneOf('id', ['SGX', 'TDX']) === 'TDX' ? 'tdx' : 'sgx';
  if (document.whole('tcbType', 0xffff) !== 0) return document.refuse('expected tcbType 0, got another composition');
  const levels = document.objects('tcbLevels').map((level) => readLevel(level, version, tee));
  levels.sort(compareLevels);
  for (let index = 1; index < levels.length; index++) {
    const [above, below] = [levels[index - 1], levels[index]];
    if (above !== undefined && below !== undefined && compareLevels(above, below) === 0) {
      return document.refuse('expected each TCB level once, got the same level twice');
    }
  }
  return {
    tee,
    version,
    issueDate: document.instant('issueDate'),
    nextUpdate: document.instant('nextUpdate'),
    fmspc: document.hex('fmspc', 6),
    pceId: document.hex('pceId', 2),
    evaluationNumber: document.whole('tcbEvaluationDataNumber', 0xffffffff),
    levels,
    tdxModule: tee === 'tdx' ? readModule(document.object('tdxModule')) : null,
    tdxModuleIdentities:
      tee === 'tdx' && document.has('tdxModuleIdentities')
        ? document.objects('tdxModuleIdentities').map((identity) => ({
            id: identity.text('id').toUpperCase(),
            ...readModule(identity),
            levels: readSvnLevels(identity),
          }))
        : [],
  };
}

/** Reads `tcbLevels` of an enclave identity or a TDX module identity, highest security version first. */
export function readSvnLevels(identity: SignedObject): readonly SvnLevel[] {
  const levels = identity.objects('tcbLevels').map((level) => ({
    isvSvn: level.object('tcb').whole('isvsvn', 0xffff),
    status: level.oneOf('tcbStatus', MODULE_TCB_STATUSES),
    date: level.instant('tcbDate'),
    advisories: level.texts('advisoryIDs'),
  }));
  return levels.sort((a, b) => b.isvSvn - a.isvSvn || b.date - a.date);
}

function readModule(module: SignedObject): TdxModule {
  return {
    mrSigner: module.hex('mrsigner', 48),
    attributes: module.hex('attributes', 8),
    attributesMask: module.hex('attributesMask', 8),
  };
}

function readLevel(level: SignedObject, version: 2 | 3, tee: 'sgx' | 'tdx'): PlatformTcbLevel {
  const tcb = level.object('tcb');
  return {
    sgx: version === 2 ? readNamedComponents(tcb) : tcb.column('sgxtcbcomponents', 'svn', COMPONENTS),
    tdx: tee === 'tdx' ? tcb.column('tdxtcbcomponents', 'svn', COMPONENTS) : null,
    sgxLabels: version === 2 ? [] : tcb.labels('sgxtcbcomponents'),
    tdxLabels: tee === 'tdx' ? tcb.labels('tdxtcbcomponents') : [],
    pceSvn: tcb.whole('pcesvn', 0xffff),
    status: level.oneOf('tcbStatus', PLATFORM_TCB_STATUSES),
    date: level.instant('tcbDate'),
    advisories: level.texts('advisoryIDs'),
  };
}

/** Version 2: sgxtcbcomp01svn to sgxtcbcomp16svn. */
function readNamedComponents(tcb: SignedObject): Uint8Array {
  return Uint8Array.from({ length: COMPONENTS }, (_, index) =>
    tcb.whole(`sgxtcbcomp${String(index + 1).padStart(2, '0')}svn`, 0xff),
  );
}

/** Descending: SGX components, then PCESVN, then TDX components, each compared from the first component on. */
function compareLevels(a: PlatformTcbLevel, b: PlatformTcbLevel): number {
  return compareDescending(a.sgx, b.sgx) || b.pceSvn - a.pceSvn || (a.tdx && b.tdx ? compareDescending(a.tdx, b.tdx) : 0);
}

function compareDescending(a: Uint8Array, b: Uint8Array): number {
  for (let index = 0; index < COMPONENTS; index++) {
    const difference = (b[index] ?? 0) - (a[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
