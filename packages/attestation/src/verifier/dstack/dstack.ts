/**
 * The dstack verifier. Proves, beyond what its carrier proves: this event log is the one that was measured, and which application,
 * OS image and key provider it names. In order:
 *   1. the carrier: TDX quote (on GCP with a TPM quote over it), Nitro or NitroTPM document, SNP report (their own verifiers)
 *   2. digests of runtime events recomputed from name and payload; supplied ones must agree
 *   3. replay of the log = RTMR0 to RTMR3 (NitroTPM: PCR14)
 *   4. identity events once, before system-ready
 *   5. app-compose.json = compose hash; MRCONFIGID or host data = what was measured
 *   6. the report data the file names = the one signed
 * Not proved: that the OS image is a good one (reference values), what the application did after boot beyond its own events, and for
 * plain Nitro carriers anything the runtime events say, because Nitro has no register for them.
 * Source: Dstack-TEE/dstack, dstack-attest and cc-eventlog.
 */

import { bufferSource, concatBytes, equalBytes, utf8 } from '@assay/encoding/bytes';
import { decodeHex, encodeHex } from '@assay/encoding/hex';
import { type Json, parseJson } from '@assay/encoding/json';
import { AttestationError } from '../../errors.ts';
import { parseQuote } from '../../evidence/dcap/quote.ts';
import { digestEvents, replayRegister } from '../../evidence/dstack/event-log.ts';
import { type DstackEvidence, dstackEvidenceOf } from '../../evidence/dstack/evidence-file.ts';
import { parseNitroDocument } from '../../evidence/nitro/nitro-document.ts';
import { reading } from '../../evidence/reading.ts';
import { parseSnpReport } from '../../evidence/snp/report.ts';
import { type Check, fail, notChecked, pass } from '../../model/check.ts';
import type {
  DstackClaims,
  DstackMeasurements,
  NitroClaims,
  SevSnpClaims,
  TdxClaims,
  TpmClaims,
  VerifiedClaims,
} from '../../model/claims.ts';
import type { TeeVerifier, VerifyOptions } from '../../model/verification.ts';
import { type TdxEvidence, tdxVerifier } from '../dcap/tdx.ts';
import { mint } from '../mint.ts';
import { nitroVerifier } from '../nitro/nitro.ts';
import { verifySnp } from '../snp/snp.ts';
import { aggregatedMeasurement, boundKeyOf, composeCheck, declaredChecks, eventClaims, reportDataCheck } from './claims.ts';
import { configDocumentHash, configIdCheck } from './config-id.ts';
import { bindEventLog, mismatch } from './event-log.ts';
import { verifyGcpTpm } from './gcp-tpm.ts';
import { type DstackIdentity, identityOf } from './identity.ts';

const SPEC = 'dstack attestation';
const NO_IDENTITY: DstackIdentity = { payloads: new Map(), systemReady: false, late: [], application: [] };
const NITRO_TPM_EVENT_PCR = 'nitrotpm-pcr14';

/** The plug for dstack evidence. */
export const dstackVerifier: TeeVerifier<DstackEvidence, DstackClaims> = {
  type: 'dstack',
  recognise(bytes) {
    const value = dstackEvidenceOf(bytes);
    return value === null ? null : { type: 'dstack', value };
  },
  verify: ({ value }, options) => verifyDstack(value, options),
};

/**
 * Authenticates dstack evidence.
 * @param quote of a TDX carrier, where it was parsed already.
 * @throws {AttestationError} `dstack/event-digest-mismatch`, `dstack/register-mismatch`, `dstack/identity-event-repeated`,
 *   `dstack/compose-hash-mismatch`, `dstack/config-mismatch`, `dstack/report-data-mismatch`, and those of the carrier.
 * @example
 * const claims = await verifyDstack(evidence, { now, endorsements });
 * claims.measurements['compose-hash'];
 */
export async function verifyDstack(
  evidence: DstackEvidence,
  options: VerifyOptions,
  quote?: TdxEvidence,
): Promise<VerifiedClaims<DstackClaims>> {
  switch (evidence.carrier) {
    case 'tdx':
    case 'gcp-tdx':
      return overTdx(evidence, quote ?? parseQuote(evidence.evidence), options);
    case 'sev-snp':
      return overSnp(evidence, options);
    default:
      return overNitro(evidence, options);
  }
}

async function overTdx(
  evidence: DstackEvidence,
  value: TdxEvidence,
  options: VerifyOptions,
): Promise<VerifiedClaims<DstackClaims>> {
  if (value.body.kind !== 'td') throw malformed('expected a tdx quote, got an sgx quote');
  const carrier = await tdxVerifier.verify({ type: 'tdx', value }, options);
  const { measurements } = carrier;
  const { events } = evidence;
  const registers = [measurements.rtmr0, measurements.rtmr1, measurements.rtmr2, measurements.rtmr3];
  const replayed =
    events === null
      ? [notChecked('dstack.rtmr3', 'dstack event log', 'no event log came along')]
      : await bindEventLog(events, registers);
  const identity = events === null ? NO_IDENTITY : identityOf(events);
  const tpm = evidence.tpm === null ? null : await verifyGcpTpm(evidence.tpm, evidence.evidence, events ?? []);
  const aggregated = await aggregatedMeasurement(measurements);
  return finish(evidence, options, carrier, identity, {
    measurements: { 'mr-aggregated': aggregated },
    reportData: carrier.bindings.reportData,
    details: tpm === null ? {} : { unattributedPcrs: tpm.pcrs },
    checks: [...replayed, configIdCheck(measurements.mrconfigid, identity), ...(tpm?.checks ?? [])],
  });
}

async function overNitro(evidence: DstackEvidence, options: VerifyOptions): Promise<VerifiedClaims<DstackClaims>> {
  const value = parseNitroDocument(evidence.evidence);
  const carrier = await nitroVerifier.verify({ type: 'nitro', value }, options);
  const { pcr0, pcr1, pcr2 } = carrier.measurements;
  const tpm = evidence.carrier === 'nitro-tpm';
  const signed = carrier.type === 'tpm' ? carrier.measurements[NITRO_TPM_EVENT_PCR] : undefined;
  const events = tpm
    ? await checkEventPcr(evidence.events ?? [], signed ?? '')
    : notChecked('dstack.runtime-events', 'dstack event log', 'a nitro document measures no runtime events');
  const image = concatBytes(...[pcr0, pcr1, pcr2].map((pcr) => decodeHex(pcr ?? '')));
  return finish(evidence, options, carrier, tpm ? identityOf(evidence.events ?? []) : NO_IDENTITY, {
    measurements: tpm ? {} : { 'os-image-hash': encodeHex(await sha256(image)) },
    reportData: carrier.bindings.userData ?? '',
    checks: [events],
  });
}

/** @param signed PCR 14 of the NitroTPM, lower-case hex. */
async function checkEventPcr(events: NonNullable<DstackEvidence['events']>, signed: string): Promise<Check> {
  const replayed = encodeHex(await replayRegister(await digestEvents(events), 3));
  if (signed !== replayed) throw mismatch(NITRO_TPM_EVENT_PCR, replayed, signed);
  return pass('dstack.pcr14', 'dstack event log', signed);
}

async function overSnp(evidence: DstackEvidence, options: VerifyOptions): Promise<VerifiedClaims<DstackClaims>> {
  const report = parseSnpReport(evidence.evidence);
  const { certificates, mrConfig } = evidence;
  const carrier = await verifySnp({ kind: 'report', report, certificates, runtimeData: null, unread: [] }, options);
  const document = mrConfig ?? '';
  const config = await checkConfiguration(document, report.hostData);
  return finish(evidence, options, carrier, configuredIdentity(document), {
    measurements: {},
    reportData: carrier.bindings.reportData ?? '',
    checks: [config, notChecked('dstack.runtime-events', 'dstack event log', 'an snp report measures no runtime events')],
  });
}

async function checkConfiguration(document: string, hostData: Uint8Array): Promise<Check> {
  const hash = await configDocumentHash(document);
  if (!equalBytes(hash, hostData)) {
    throw new AttestationError(
      'dstack/config-mismatch',
      'expected the configuration document whose hash is the host data, got another; its identities are not this guest',
      { details: { hash: encodeHex(hash), hostData: encodeHex(hostData) } },
    );
  }
  return pass('dstack.config-id', 'dstack mr_config', encodeHex(hash));
}

/** The identity in a version 3 configuration document, which the launch measured as a whole. */
function configuredIdentity(document: string): DstackIdentity {
  const json: Json = reading('dstack/attestation-malformed', 'configuration document', () => parseJson(document));
  if (typeof json !== 'object' || json === null || Array.isArray(json)) throw malformed('expected a configuration object');
  const fields = json as { readonly [name: string]: Json };
  const hex = (name: string): Uint8Array => {
    const value = fields[name];
    return reading('dstack/attestation-malformed', name, () => decodeHex(typeof value === 'string' ? value : ''));
  };
  const provider = fields.key_provider === 'local' ? 'local-sgx' : fields.key_provider;
  const keyProvider = utf8(JSON.stringify({ name: provider, id: encodeHex(hex('key_provider_id')) }));
  return {
    ...NO_IDENTITY,
    systemReady: true,
    payloads: new Map([
      ['app-id', hex('app_id')],
      ['compose-hash', hex('compose_hash')],
      ['instance-id', hex('instance_id')],
      ['key-provider', keyProvider],
    ]),
  };
}

interface Found {
  readonly measurements: DstackMeasurements;
  /** Lower-case hex. */
  readonly reportData: string;
  readonly checks: readonly Check[];
  readonly details?: { readonly unattributedPcrs?: Readonly<Record<string, string>> };
}

type Carrier = TdxClaims | SevSnpClaims | NitroClaims | TpmClaims;

async function finish(
  evidence: DstackEvidence,
  { endorsements = [] }: VerifyOptions,
  carrier: VerifiedClaims<Carrier>,
  identity: DstackIdentity,
  found: Found,
): Promise<VerifiedClaims<DstackClaims>> {
  const told = eventClaims(identity);
  const measurements: DstackMeasurements = { ...carrier.measurements, ...found.measurements, ...told.measurements };
  const names = { ...carrier.identity, ...told.identity };
  const compose = await composeCheck(measurements['compose-hash'], evidence.appCompose, endorsements);
  const payload = await payloadChecks(evidence.reportDataPayload, found.reportData);
  return mint({
    ...carrier,
    type: 'dstack',
    measurements,
    identity: names,
    bindings: { ...carrier.bindings, reportData: found.reportData === '' ? null : found.reportData },
    checks: [
      ...carrier.checks,
      ...found.checks,
      ...sequenceChecks(identity),
      compose,
      reportDataCheck(evidence.declaredReportData, found.reportData),
      ...payload,
      ...declaredChecks(evidence.declared, { ...names, ...measurements }),
    ],
    details: {
      ...carrier.details,
      ...found.details,
      dstack: {
        carrier: evidence.carrier,
        systemReady: identity.systemReady,
        applicationEvents: identity.application,
        boundKey: boundKeyOf(found.reportData),
      },
    },
  });
}

function sequenceChecks({ payloads, systemReady, late }: DstackIdentity): readonly Check[] {
  if (payloads.size === 0) return [notChecked('dstack.identity', SPEC, 'nothing measured tells an identity')];
  const id = 'dstack.identity';
  const expected = 'each identity event once, before system-ready';
  if (late.length > 0) return [fail(id, SPEC, expected, `again after it: ${late.join(', ')}`)];
  const actual = systemReady ? expected : 'each identity event once; the system was not ready yet';
  return [pass(id, SPEC, actual, expected)];
}

/** A pod's report data is the hash of a payload: SHA512("app-data:" ‖ payload). */
async function payloadChecks(payload: string | null, reportData: string): Promise<readonly Check[]> {
  if (payload === null) return [];
  const hash = new Uint8Array(await crypto.subtle.digest('SHA-512', bufferSource(utf8(`app-data:${payload}`))));
  if (encodeHex(hash) === reportData) return [pass('dstack.report-data-payload', SPEC, 'hashed in the report data')];
  throw new AttestationError(
    'dstack/report-data-mismatch',
    'expected report data that is the hash of its payload, got another',
  );
}

async function sha256(message: Uint8Array): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.digest('SHA-256', bufferSource(message)));
}

function malformed(message: string): AttestationError {
  return new AttestationError('dstack/attestation-malformed', message);
}
