/**
 * The verifier of combined reports. Every node is verified by itself (TDX or SNP, event log, GPUs) and becomes a submodule. Proves, on
 * top: which keys and addresses each node's report data commits to, and whether CPU and GPU evidence answer one nonce.
 * Not proved: that GPUs sit in the machine whose CPU was quoted (only Tinfoil's CPU evidence commits to them); that a gateway
 * forwards to the model nodes shown beside it; names of models and instances, which are not signed.
 */

import { loadedPart } from '@assay/encoding/loaded-part';
import { AttestationError } from '../../errors.ts';
import type { CombinedNode, CombinedReport } from '../../evidence/combined/combined-report.ts';
import { combinedReportOf } from '../../evidence/combined/report.ts';
import { parseQuote } from '../../evidence/dcap/quote.ts';
import type { DstackEvidence } from '../../evidence/dstack/evidence-file.ts';
import { gunzip } from '../../evidence/gzip.ts';
import type { NvidiaEvidence } from '../../evidence/nvidia/evidence-file.ts';
import { snpEvidenceOf } from '../../evidence/snp/evidence-file.ts';
import { type Check, fail, notChecked, pass } from '../../model/check.ts';
import { after, checksOfParts, withChecksBefore } from '../../model/checks-before.ts';
import type {
  CombinedClaims,
  DstackClaims,
  NamedClaims,
  NvidiaClaims,
  SevSnpClaims,
  TdxClaims,
  VerifiedClaims,
} from '../../model/claims.ts';
import type { TeeVerifier, VerifyOptions } from '../../model/verification.ts';
import { tdxVerifier } from '../dcap/tdx.ts';
import { verifyDstack } from '../dstack/dstack.ts';
import { mint } from '../mint.ts';
import { verifySnp } from '../snp/snp.ts';
import { type BoundKeys, boundKeys } from './binding.ts';
import { proofOfCloud, remoteVerdict } from './companions.ts';

const SPEC = 'combined report';

/** The plug for combined reports. */
export const combinedVerifier: TeeVerifier<CombinedReport, CombinedClaims> = {
  type: 'combined',
  recognise(bytes) {
    const value = combinedReportOf(bytes);
    return value === null ? null : { type: 'combined', value };
  },
  verify: ({ value }, options) => verifyCombined(value, options),
};

/**
 * Authenticates every node of a report.
 * @throws {AttestationError} `combined/key-unbound`, `combined/public-key-mismatch`, and those of the nodes' verifiers.
 * @example
 * const claims = await verifyCombined(report, { now, endorsements });
 * const model = claims.submodules.model;
 * if (model?.type === 'tdx') console.log(model.identity.fmspc);
 */
export async function verifyCombined(report: CombinedReport, options: VerifyOptions): Promise<VerifiedClaims<CombinedClaims>> {
  const nodeOptions = withoutLogs(options);
  const submodules: Record<string, NodeClaims> = {};
  const gpuNonces: string[] = [];
  for (const node of report.nodes) {
    const verified = await verifyNode(node, nodeOptions).catch((error: unknown) => {
      throw withChecksBefore(error, checksOfParts(submodules), `${node.name}/`);
    });
    submodules[node.name] = verified.claims;
    gpuNonces.push(...verified.gpuNonces);
  }
  const nodes = Object.values(submodules);
  const remote = await after(checksOfParts(submodules), () => remoteVerdict(gpuNonces, options));
  const speaker = submodules.model ?? submodules['model-0'] ?? nodes[0];
  return mint({
    type: 'combined',
    simulated: nodes.some(({ simulated }) => simulated),
    debug: nodes.some(({ debug }) => debug === true) ? true : nodes.every(({ debug }) => debug === false) ? false : null,
    measurements: {},
    bindings: {
      reportData: nodes.length === 1 ? (speaker?.bindings.reportData ?? null) : null,
      nonce: commonNonce(nodes),
      userData: null,
      publicKey: speaker?.bindings.publicKey ?? null,
    },
    identity: picked(speaker),
    tcb: null,
    issuedAt: null,
    validity: {
      notBefore: Math.max(...nodes.map(({ validity }) => validity.notBefore)),
      notAfter: Math.min(...nodes.map(({ validity }) => validity.notAfter)),
    },
    root: speaker?.root ?? '',
    checks: [
      nonceCheck(nodes),
      ...distinctDevices(nodes),
      ...remote.checks,
      ...report.unread.map((part) => notChecked('combined.unread', SPEC, `"${part}" in the document is not looked at`)),
    ],
    submodules: remote.claims === null ? submodules : { ...submodules, nras: remote.claims },
    details: {
      format: report.format,
      nodes: report.nodes.map(({ name, labels }) => ({ name, unsigned: labels })),
    },
  });
}

/** A log or compose file beside the report belongs to none of its nodes in particular; each node carries its own. */
function withoutLogs(options: VerifyOptions): VerifyOptions {
  const endorsements = options.endorsements?.filter(({ kind }) => kind !== 'event-log' && kind !== 'app-compose') ?? [];
  return { ...options, endorsements };
}

type NodeClaims = VerifiedClaims<TdxClaims | SevSnpClaims | DstackClaims>;

interface VerifiedNode {
  readonly claims: NodeClaims;
  readonly gpuNonces: readonly string[];
}

async function verifyNode(node: CombinedNode, options: VerifyOptions): Promise<VerifiedNode> {
  const cpu = await verifyCpu(node, options);
  const keys = await after(cpu.checks, () => boundKeys(node.binding, cpu.bindings.reportData ?? ''));
  const { gpus: devicesBeside } = node;
  const gpus =
    devicesBeside === null ? null : await after([...cpu.checks, ...keys.checks], () => verifyGpus(devicesBeside, options));
  const devices = devicesOf(gpus);
  const gpuNonces = Object.values(devices).map(({ bindings }) => bindings.nonce ?? 'none');
  const together = gpus !== null && Object.keys(gpus.submodules).length > 0 ? gpus.checks : [];
  const cloud = node.platform === 'tdx' ? [await proofOfCloud(node.evidence.evidence, cpu, options)] : [];
  const checks = [...keys.checks, ...gpuNonceCheck(gpuNonces, keys.gpuNonce), ...together, ...cloud];
  return { claims: boundTo(cpu, keys, checks, devices), gpuNonces };
}

async function verifyGpus(gpus: NvidiaEvidence, options: VerifyOptions): Promise<VerifiedClaims<NvidiaClaims>> {
  const { verifyNvidia } = await loadedPart('NVIDIA evidence', () => import('../nvidia/nvidia-evidence.ts'));
  return verifyNvidia(gpus, options);
}

function devicesOf(gpus: VerifiedClaims<NvidiaClaims> | null): Readonly<Record<string, VerifiedClaims>> {
  if (gpus === null) return {};
  return Object.keys(gpus.submodules).length > 0 ? gpus.submodules : { 'gpu-0': gpus };
}

/** The node's claims with what its report data vouches for. */
function boundTo<Of extends TdxClaims | SevSnpClaims | DstackClaims>(
  cpu: VerifiedClaims<Of>,
  keys: BoundKeys,
  checks: readonly Check[],
  submodules: Of['submodules'],
): VerifiedClaims<Of> {
  return mint({
    ...cpu,
    bindings: { ...cpu.bindings, nonce: keys.nonce, publicKey: keys.publicKey },
    identity: { ...cpu.identity, ...keys.identity },
    checks: [...cpu.checks, ...checks],
    submodules,
  });
}

async function verifyCpu(node: CombinedNode, options: VerifyOptions): Promise<NodeClaims> {
  const evidence = node.compressed ? await opened(node.evidence) : node.evidence;
  if (node.platform === 'sev-snp') {
    const value = snpEvidenceOf(evidence.evidence);
    if (value?.kind !== 'report')
      throw new AttestationError('combined/malformed', 'expected an snp report, got something else');
    return verifySnp({ ...value, certificates: [...value.certificates, ...evidence.certificates] }, options);
  }
  if (evidence.events !== null) return verifyDstack(evidence, options);
  const value = parseQuote(evidence.evidence);
  if (value.body.kind !== 'td') throw new AttestationError('combined/malformed', 'expected a tdx quote, got an sgx quote');
  return tdxVerifier.verify({ type: 'tdx', value }, options);
}

/** Quotes and reports take less than 8 KiB, padded ones 16 KiB. */
const MAX_REPORT_LENGTH = 1 << 16;

async function opened(evidence: DstackEvidence): Promise<DstackEvidence> {
  const bytes = await gunzip(evidence.evidence, MAX_REPORT_LENGTH);
  if (bytes === null) throw new AttestationError('combined/malformed', 'expected a cpu report in gzip, got something else');
  return { ...evidence, evidence: bytes };
}

/** GPUs that answer another nonce are those of another request, or of another machine. */
function gpuNonceCheck(nonces: readonly string[], wanted: string | null): readonly Check[] {
  if (nonces.length === 0 || wanted === null) return [];
  const id = 'combined.gpu-nonce';
  const others = [...new Set(nonces.filter((nonce) => nonce !== wanted))];
  return [others.length === 0 ? pass(id, SPEC, wanted) : fail(id, SPEC, wanted, others.join(', '))];
}

/** The one nonce that every node answers; `null` when one answers another or none. */
function commonNonce(nodes: readonly NodeClaims[]): string | null {
  const nonces = new Set(nodes.map(({ bindings }) => bindings.nonce));
  const [nonce = null] = nonces;
  return nonces.size === 1 ? nonce : null;
}

function nonceCheck(nodes: readonly NodeClaims[]): Check {
  const id = 'combined.common-nonce';
  const nonces = new Set(nodes.map(({ bindings }) => bindings.nonce ?? 'none'));
  if (nonces.has('none') && nonces.size === 1) return notChecked(id, SPEC, 'no node shows which nonce it answers');
  const expected = `one nonce for ${nodes.length} node${nodes.length === 1 ? '' : 's'}`;
  return nonces.size === 1 ? pass(id, SPEC, [...nonces].join(), expected) : fail(id, SPEC, expected, [...nonces].join(', '));
}

/** One GPU shown in two nodes would make a service look larger than it is. */
function distinctDevices(nodes: readonly NodeClaims[]): readonly Check[] {
  const ids = nodes.flatMap(({ submodules }) =>
    Object.values(submodules).map(({ identity }: NamedClaims) => identity.ueid ?? ''),
  );
  if (ids.length === 0) return [];
  const [expected, actual] = [`${ids.length} different devices`, `${new Set(ids).size} different devices`];
  const id = 'combined.distinct-devices';
  return [expected === actual ? pass(id, SPEC, actual) : fail(id, SPEC, expected, actual)];
}

const PICKED = [
  'signing-address',
  'signing-algorithm',
  'tls-fingerprint',
  'tls-key-fingerprint',
  'hpke-key',
  'app-id',
] as const;

/** Identity of the node that answers, for policies and people. */
function picked(node: NamedClaims | undefined): CombinedClaims['identity'] {
  return Object.fromEntries(
    PICKED.flatMap((name) => {
      const value = node?.identity[name];
      return value === undefined ? [] : [[name, value]];
    }),
  );
}
