/**
 * What evidence costs: `npm run bench:compare -- --part speed`. A simulated attestation, binding a transcript, the file of 100 transcripts, and the
 * digest of a model; on a log on disk, with a model that answers at once. 100 signatures verified one by one in the same process say how busy the
 * machine was: on an idle core of this kind they take 6.5 ms.
 */

import { spawn } from 'node:child_process';
import { generateKeyPairSync, randomBytes, sign, verify as verifySignature } from 'node:crypto';
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { utf8 } from '@assay/encoding/bytes';
import type { JsonObject } from '@assay/encoding/json';
import { openLedger, systemClock } from '@assay/ledger';
import { bindingDigest, identifyModel } from '@assay/models';
import { digestJson } from '@assay/receipt';
import { verify } from 'assay';
import { detectAttester } from '../../packages/agent/src/adapters/attesters/detect.ts';
import { sessionAttestation } from '../../packages/agent/src/evidence/attestation-document.ts';
import { evidenceFile } from '../../packages/agent/src/evidence/evidence-file.ts';
import { EvidenceSessions } from '../../packages/agent/src/evidence/sessions.ts';
import { transcribe } from '../../packages/agent/src/evidence/transcript.ts';
import { verifyEvidenceFile } from '../../packages/agent/src/evidence/verify-file.ts';
import { ChannelKeys } from '../../packages/agent/src/identity/channel-keys.ts';
import { KeysetRotation } from '../../packages/agent/src/identity/rotation.ts';
import type { Model } from '../../packages/agent/src/ports/model.ts';
import { TalkKeyring } from '../../packages/agent/src/tasks/talk/talk-keys.ts';
import { NATIVE_HASH, withModelFiles } from '../../packages/assay/src/command-line/model-files.ts';

const TRANSCRIPTS = 100;
const ROUNDS = 15;
const PROMPT = 'Write the first line of a letter to a friend who has moved to the coast.';

const model: Model = {
  provider: 'openai',
  model: 'm',
  complete: () =>
    Promise.resolve({
      text: 'Dear Anna, the sea must be loud tonight.',
      ...{ requestBytes: utf8('{"model":"m"}'), responseBytes: utf8('{"choices":[]}'), model: 'm', finishReason: 'stop' },
      provenance: { kind: 'unverified' },
    } as never),
} as never;

const directory = await mkdtemp(join(tmpdir(), 'assay-speed-'));
const clock = systemClock;
const ledger = await openLedger({ directory, clock });
const { attester } = await detectAttester({ choice: 'simulated', directory, clock });
const rotation = await KeysetRotation.start({
  ...{ attester, ledger, clock, channelKeys: new ChannelKeys(), talkKeys: new TalkKeyring() },
  ...{ createTlsKey: null, operatorKeys: null, lifetimeSeconds: 86_400, overlapSeconds: 0 },
  provenance: { repo_url: null, repo_commit: null, image_digest: null, image_provenance: null },
  onRotated: () => undefined,
  onFailure: () => undefined,
});
const identity = rotation;

async function timed(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

function row(what: string, times: readonly number[], reach: string): void {
  const sorted = times.toSorted((a, b) => a - b);
  const at = (share: number): string =>
    (sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0).toFixed(2);
  console.log(`| ${what} | ${at(0.5)} | ${at(0)} | ${at(0.95)} | ${reach} |`);
}

console.log('| what | median, ms | least | 95 of 100 within | reach |\n| --- | ---: | ---: | ---: | --- |');
const attesting: number[] = [];
for (let index = 0; index < 60; index += 1)
  attesting.push(await timed(() => sessionAttestation(identity, randomBytes(32).toString('hex'))));
row('simulated attestation', attesting.slice(10), '≤ 2');

const sessions = new EvidenceSessions(() => clock.now());
const [making, verifying, agentVerifying, asking]: readonly [number[], number[], number[], number[]] = [[], [], [], []];
for (let round = 0; round < ROUNDS; round += 1) {
  const attestation = await sessionAttestation(identity, null);
  const facts = { name: 'm', version: '1', provider: 'openai' };
  const modelHash = bindingDigest(facts);
  const session = sessions.open({
    ...{ access: null, createdAt: clock.now(), attestation, attestationHash: bindingDigest(attestation) },
    ...{ modelIdentity: { ...facts, hash: modelHash }, modelHash },
  });
  const bytes = utf8(JSON.stringify({ session_id: session.id, prompt: PROMPT, max_tokens: 50 }));
  const request = { bytes, prompt: PROMPT, maxTokens: 50, temperature: 0, channel: 'http' as const };
  for (let index = 0; index < TRANSCRIPTS; index += 1)
    asking.push(
      await timed(() => transcribe(session, { ...request, signal: new AbortController().signal }, { model, ledger, clock })),
    );
  let file: JsonObject = {};
  making.push(
    await timed(async () => {
      file = await evidenceFile([session], { ledger, clock });
    }),
  );
  const text = utf8(JSON.stringify(file));
  if (round === 0) console.error(`${text.length} bytes`);
  agentVerifying.push(
    await timed(async () => {
      const { valid, errors } = await verifyEvidenceFile(file, identity.attester.rootCertificate);
      if (!valid) throw new Error(errors.join());
    }),
  );
  verifying.push(
    await timed(async () => {
      const { outcome } = await verify(text, { trust: { simulatedRoot: identity.attester.rootCertificate ?? '' } });
      if (outcome !== 'accepted') throw new Error(outcome);
    }),
  );
}
const session = sessions.withTranscripts(null)[0];
const binding: number[] = [];
for (let index = 0; index < 400; index += 1) {
  const open = () =>
    ledger.open({
      taskId: randomBytes(8).toString('hex'),
      task: 'inference',
      method: 'POST',
      endpoint: '/inference',
      nonce: null,
      requestBody: utf8(PROMPT),
    });
  const draft = open();
  const last = await ledger.seal(open());
  const start = performance.now();
  draft.append({
    ...{ type: 'transcript.bound', session_id: session?.id ?? '', index, previous_hash: digestJson(last.receipt) },
    ...{
      attestation_hash: session?.attestationHash ?? '',
      model_hash: session?.modelHash ?? '',
      session_nonce: '',
      channel: 'http',
    },
  });
  session?.append({ receiptId: last.receiptId, digest: digestJson(last.receipt) });
  binding.push(performance.now() - start);
  await ledger.discard(draft);
}
row('binding, added to a receipt', binding.slice(100), '< 0.2');
row('one transcript asked, bound, sealed and durable', asking.slice(100), '');
row('file of 100 transcripts made', making.slice(3), '≤ 5');
row('… verified by the agent, parsed already', agentVerifying.slice(3), '≤ 20');
row('… verified by the SDK, from bytes', verifying.slice(3), '≤ 20');
const { privateKey, publicKey } = generateKeyPairSync('ed25519');
const message = randomBytes(2000);
const signature = sign(null, message, privateKey);
const units: number[] = [];
for (let round = 0; round < 30; round += 1)
  units.push(
    await timed(async () => {
      for (let index = 0; index < 100; index += 1) verifySignature(null, message, publicKey, signature);
    }),
  );
row('100 signatures, one by one', units, 'idle: 6.5');
await rotation.close();
await ledger.close();
await rm(directory, { recursive: true, force: true });
await digestRow();

/** `assay model digest` of a real model, as a program: with its start, and the most memory that it had. */
async function digestRow(): Promise<void> {
  const dataDir = process.env.ASSAY_DATA_DIR ?? new URL('../../node_modules/.cache/assay-models', import.meta.url).pathname;
  const file = join(dataDir, 'models', 'SmolLM2-135M-Instruct.Q4_1.gguf');
  const bin = new URL('../../packages/assay/bin/assay.js', import.meta.url).pathname;
  const { size } = await stat(file);
  let memory = 0;
  const time = await timed(async () => {
    const child = spawn(process.execPath, [bin, 'model', 'digest', file], { stdio: 'ignore' });
    const watch = setInterval(() => {
      readFile(`/proc/${child.pid}/status`, 'utf8').then(
        (status) => {
          memory = Math.max(memory, Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024);
        },
        () => undefined, // it has ended
      );
    }, 5);
    await new Promise((resolve) => child.once('exit', resolve));
    clearInterval(watch);
  });
  const inProcess: number[] = [];
  for (let round = 0; round < 5; round += 1)
    inProcess.push(
      await timed(() =>
        withModelFiles([{ name: 'm.gguf', path: file, shown: file }], (sources) => identifyModel(sources, NATIVE_HASH)),
      ),
    );
  const rate = size / 1e6 / (inProcess.toSorted((x, y) => x - y)[2] ?? 1);
  console.log(
    `\nDigest of a model of ${(size / 1e6).toFixed(0)} MB: ${rate.toFixed(2)} GB/s; \`assay model digest\` with its start ${time.toFixed(0)} ms, ${memory.toFixed(0)} MiB at most. Reach: 0.5 GB/s, 200 MB.`,
  );
}
