/**
 * dstack: TDX guests with a measured compose file. `GetQuote` quotes up to 64 bytes, `Info` tells the compose file and the app's
 * identity (research: dstack guest agent). A quote from its simulator is genuine in form and proves nothing.
 */

import { decodeHex } from '@assay/encoding/hex';
import { ServerError } from '../../errors.ts';
import type { Attester, AttesterEvidence } from '../../ports/attester.ts';
import { callGuestAgent, findGuestAgent, type GuestAgentAddress } from './guest-agent.ts';

const SOCKETS = ['/var/run/dstack.sock', '/run/dstack.sock', '/var/run/dstack/dstack.sock', '/run/dstack/dstack.sock'];

/** URL or socket path of each kind of simulated guest agent, `null` for none. */
export interface GuestSimulators {
  readonly dstack: string | null;
  readonly tappd: string | null;
}

/** The attester of this guest, or `null` outside of dstack. */
export function openDstackAttester(
  simulator: string | null,
  sockets: readonly string[] = SOCKETS,
  patienceMs?: number,
): Attester | null {
  const address = findGuestAgent(simulator, sockets);
  if (address === null) return null;
  const simulated = simulator !== null;
  return {
    name: simulated ? 'dstack simulator' : 'dstack',
    simulated,
    attest: ({ statementDigest }) => attest(address, statementDigest, patienceMs),
    keptSecret: () => keyOf(address, { path: 'assay/operator/1', purpose: 'assay-operator' }),
    dataKeySecret: () => keyOf(address, { path: 'assay/data-key/1', purpose: 'assay-data-key' }),
  };
}

async function keyOf(address: GuestAgentAddress, wanted: object): Promise<Uint8Array> {
  return guestSecret((await callGuestAgent(address, '/GetKey', wanted)).key);
}

async function attest(
  address: GuestAgentAddress,
  statementDigest: Uint8Array,
  patienceMs: number | undefined,
): Promise<AttesterEvidence> {
  const reportData = paddedHex(statementDigest);
  const [reply, about] = await Promise.all([
    callGuestAgent(address, '/GetQuote', { report_data: reportData }, patienceMs),
    callGuestAgent(address, '/Info', {}, patienceMs),
  ]);
  return { teeType: 'tdx', evidenceType: 'tdx', evidence: guestEvidence(reply, about) };
}

/** 64 bytes of report data as hex: the digest, then zeros. */
export function paddedHex(statementDigest: Uint8Array): string {
  return Buffer.from(statementDigest).toString('hex').padEnd(128, '0');
}

/**
 * The evidence in a guest agent's replies: quote, event log, compose file.
 * @throws {ServerError} `attester/unavailable` when there is no quote in hex.
 */
export function guestEvidence(
  reply: Readonly<Record<string, unknown>>,
  about: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> {
  const quote = typeof reply.quote === 'string' ? reply.quote.replace(/^0x/, '').toLowerCase() : '';
  if (!/^(?:[0-9a-f]{2}){632,}$/.test(quote)) {
    throw new ServerError(
      'attester/unavailable',
      'expected a TDX quote in hex from the guest agent, got none; check its version and log',
    );
  }
  const tcb = objectOf(about.tcb_info);
  const compose = tcb?.app_compose ?? about.app_compose;
  return {
    quote,
    ...(typeof reply.event_log === 'string' ? { event_log: reply.event_log } : {}),
    ...(typeof compose === 'string' ? { app_compose: compose } : {}),
    ...(typeof reply.vm_config === 'string' ? { vm_config: reply.vm_config } : {}),
  };
}

/**
 * The key of 32 bytes in a guest agent's reply.
 * @throws {ServerError} `attester/unavailable` for anything else.
 */
export function guestSecret(key: unknown): Uint8Array {
  const digits = typeof key === 'string' ? key.replace(/^0x/, '').toLowerCase() : '';
  if (/^[0-9a-f]{64}$/.test(digits)) return decodeHex(digits, { bytes: 32 });
  throw new ServerError(
    'attester/unavailable',
    'expected a key of 32 bytes in hex from the guest agent, got none; check its version and log',
  );
}

/** `tcb_info` comes as an object or as its JSON text. */
function objectOf(value: unknown): Readonly<Record<string, unknown>> | null {
  if (typeof value === 'object' && value !== null) return value as Readonly<Record<string, unknown>>;
  if (typeof value !== 'string') return null;
  try {
    const parsed: unknown = JSON.parse(value);
    return typeof parsed === 'object' && parsed !== null ? (parsed as Readonly<Record<string, unknown>>) : null;
  } catch {
    return null;
  }
}
