/**
 * Evidence of NVIDIA GPUs next to that of the CPU: NVIDIA's own tool `nvattest` (https://docs.nvidia.com/attestation, collect-evidence) asks every
 * GPU. Each answers the digest of the statement that the CPU quotes, so both belong to one keyset and one nonce of the client. That the
 * GPUs sit in the machine whose CPU was quoted is not proved by this.
 */

import { spawn } from 'node:child_process';
import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { nvidiaEvidenceOfJson } from '@assay/attestation';
import { isCoded } from '@assay/encoding/coded-error';
import { encodeHex } from '@assay/encoding/hex';
import { isJsonObject, type Json, parseJson } from '@assay/encoding/json';
import { ServerError } from '../../errors.ts';
import type { Attester } from '../../ports/attester.ts';

/** `auto`: where the tool is; `required`: an agent without GPU evidence does not start; `off`: never. */
export type GpuEvidence = 'auto' | 'required' | 'off';

const TOOL = 'nvattest';
const PATIENCE_MS = 60_000;
const MAX_OUTPUT = 16 * 1024 * 1024; // bytes; a rack has 72 GPUs with some 20 KiB each

/** The tool's path, or `null` where it is not installed. */
export async function findGpuTool(path: string = process.env.PATH ?? ''): Promise<string | null> {
  for (const folder of path.split(delimiter).filter((each) => each.startsWith('/'))) {
    const file = join(folder, TOOL);
    const found = await access(file, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (found) return file;
  }
  return null;
}

export interface GpuOptions {
  readonly wish: GpuEvidence;
  /** Where the tool is; `null`: nowhere. */
  readonly tool: string | null;
  /** Milliseconds for one collection. */
  readonly patienceMs?: number;
}

/**
 * The attester, whose evidence also holds `nvidia`: one entry a GPU.
 * @throws {ServerError} `attester/unavailable` when GPUs are required and the tool is not there; from `attest`, when the tool fails or its
 * GPUs answer another nonce.
 */
export function withGpus(attester: Attester, { wish, tool, patienceMs = PATIENCE_MS }: GpuOptions): Attester {
  if (wish === 'off' || (wish === 'auto' && tool === null)) return attester;
  if (tool === null)
    throw new ServerError(
      'attester/unavailable',
      `expected NVIDIA's ${TOOL} on the PATH, because ASSAY_GPU_EVIDENCE=required, got none; install it from NVIDIA's attestation SDK`,
    );
  let last: Promise<unknown> = Promise.resolve();
  const inTurn = (nonce: string): Promise<readonly Json[]> => {
    const collect = () => collected(tool, nonce, patienceMs);
    const turn = last.then(collect, collect);
    last = turn;
    return turn;
  };
  return {
    ...attester,
    name: `${attester.name} with NVIDIA GPUs`,
    attest: async (request) => {
      const [cpu, nvidia] = await Promise.all([attester.attest(request), inTurn(encodeHex(request.statementDigest))]);
      return { ...cpu, evidence: { ...cpu.evidence, nvidia } };
    },
  };
}

async function collected(tool: string, nonce: string, patienceMs: number): Promise<readonly Json[]> {
  const json = outputOf(await run(tool, ['collect-evidence', '--device', 'gpu', '--nonce', nonce], patienceMs));
  const list = isJsonObject(json) && Array.isArray(json.evidences) ? (json.evidences as readonly Json[]) : [];
  const devices = devicesOf(json);
  if (devices.length === 0) throw refused(`no GPU in its output (${resultOf(json)})`);
  if (devices.some(({ spdm }) => encodeHex(spdm.requestNonce) !== nonce)) throw refused('GPUs that answer another nonce');
  return list.filter(isJsonObject).map(({ arch, certificate, evidence }) => ({
    ...(typeof arch === 'string' ? { arch } : {}),
    certificate: certificate as Json,
    evidence: evidence as Json,
    nonce,
  }));
}

function devicesOf(json: Json) {
  try {
    return nvidiaEvidenceOfJson(json)?.devices ?? [];
  } catch (cause) {
    if (!isCoded(cause)) throw cause;
    throw refused(cause.message, cause);
  }
}

function outputOf(text: string): Json {
  try {
    return parseJson(text, { maxBytes: MAX_OUTPUT, maxNodes: 100_000 });
  } catch (cause) {
    throw refused('something that is not JSON', cause);
  }
}

/** `nvattest` says in its JSON what went wrong. */
function resultOf(json: Json): string {
  if (!isJsonObject(json)) return 'no object';
  return `code ${String(json.result_code ?? 'none')}: ${String(json.result_message ?? 'no message').slice(0, 120)}`;
}

/** Its standard output, also when it ends with an error: then the JSON says which. */
function run(tool: string, args: readonly string[], patienceMs: number): Promise<string> {
  const child = spawn(tool, args, {
    env: { PATH: process.env.PATH, LD_LIBRARY_PATH: process.env.LD_LIBRARY_PATH },
    stdio: ['ignore', 'pipe', 'ignore'],
    timeout: patienceMs,
    killSignal: 'SIGKILL',
  });
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    child.stdout.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size > MAX_OUTPUT) child.kill('SIGKILL');
      else chunks.push(chunk);
    });
    child.once('error', (cause) => reject(refused('no start', cause)));
    child.once('close', (code, signal) => {
      if (signal !== null)
        reject(refused(size > MAX_OUTPUT ? `more than ${MAX_OUTPUT} bytes` : `no end within ${patienceMs} ms`));
      else if (size === 0) reject(refused(`no output and exit code ${code}`));
      else resolve(Buffer.concat(chunks).toString('utf8'));
    });
  });
}

function refused(got: string, cause?: unknown): ServerError {
  return new ServerError(
    'attester/unavailable',
    `expected evidence of NVIDIA GPUs from ${TOOL}, got ${got}; check nvidia-smi conf-compute -f, or set ASSAY_GPU_EVIDENCE=off`,
    { cause },
  );
}
