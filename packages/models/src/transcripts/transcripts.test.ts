/** Files of transcripts against their receipts, built by hand: what is accepted, and what only a forged clock or a mixed file shows. */

import { utf8 } from '@assay/encoding/bytes';
import { canonicalJson, type JsonObject } from '@assay/encoding/json';
import { expectCode, expectRefusal } from '@assay/testing';
import { expect, it } from 'vitest';
import { hexDigest } from '../identity/byte-source.ts';
import { isTranscripts } from './format.ts';
import { type AuthenticReceipt, bindingDigest, verifyTranscripts } from './transcripts.ts';

const MADE = Date.UTC(2026, 10, 29, 12);
const attestation: JsonObject = {
  provider_type: 'sgx',
  timestamp: new Date(MADE).toISOString(),
  nonce: 'n',
  additional_claims: { report_nonce: 'ab'.repeat(32) },
  report: {},
};
const model: JsonObject = { name: 'gpt2', version: '1' };
const textDigest = (text: string): string => `sha256:${hexDigest(utf8(text))}`;

interface Built {
  readonly file: Record<string, unknown>;
  readonly receipts: readonly AuthenticReceipt[];
}

/** A session of some calls, the last of them so many seconds after its attestation. */
function built(calls: number, lastAfter = 10): Built {
  const receipts: AuthenticReceipt[] = [];
  const transcripts: JsonObject[] = [];
  const servedAt = (index: number): number => MADE / 1000 + (index === calls - 1 ? lastAfter : 0);
  const receipt = (id: string, index: number, at: number, events: AuthenticReceipt['events']): AuthenticReceipt => ({
    ...{
      id,
      digest: textDigest(id),
      signature: `sig-${id}`,
      servedAt: at,
      endpoint: '/inference',
      method: 'POST',
      events,
      index,
    },
  });
  for (let index = 0; index < calls; index += 1) {
    const [request, response] = [`request ${index}`, `response ${index}`];
    const event = {
      ...{ type: 'transcript.bound', session_id: 's', index, previous_hash: receipts.at(-1)?.digest ?? null },
      ...{
        attestation_hash: bindingDigest(attestation),
        model_hash: bindingDigest(model),
        session_nonce: 'n',
        channel: 'http',
      },
    };
    const events = [
      { type: 'request.received', body_hash: textDigest(request) },
      event,
      { type: 'response.returned', body_hash: textDigest(response), form: 'jcs-without-binding' },
    ];
    const made = receipt(`r${index}`, index, servedAt(index), events);
    receipts.push(made);
    transcripts.push({
      ...{ transcript_id: made.id, session_id: 's', index, status: 'valid' },
      binding: {
        transcript: {
          transcript_id: made.id,
          timestamp: made.servedAt,
          endpoint: '/inference',
          method: 'POST',
          hash: made.digest,
        },
        model_identity: { hash: bindingDigest(model), name: 'gpt2', version: '1' },
        attestation: { hash: bindingDigest(attestation), provider_type: 'sgx' },
        binding: { signature: made.signature, nonce: 'n', timestamp: made.servedAt },
        verification: { valid: true },
      },
      full_transcript: { request, response },
    });
  }
  const bundled = { type: 'transcripts.bundled', session_id: 's', count: calls, last_hash: receipts.at(-1)?.digest ?? null };
  receipts.push(receipt('closing', calls, MADE / 1000 + lastAfter, [bundled]));
  const session = {
    session_id: 's',
    attestation,
    model_identity: { ...model, hash: bindingDigest(model) },
    count: calls,
    closing_receipt: 'closing',
  };
  const policy = { mode: 'tee_attestation', require_attestation: true, max_binding_age: 3600 };
  const file = { format: 'assay-transcripts/1', policy, sessions: [session], transcripts, signature: 'sig-closing' };
  return { file: JSON.parse(canonicalJson(file)), receipts };
}

const judge = ({ file, receipts }: Built) => verifyTranscripts(file as JsonObject, receipts);

it('accepts a chain of any length, and hands out what the caller must verify', () => {
  for (const calls of [1, 2, 20])
    expect(judge(built(calls))).toEqual({
      transcripts: calls,
      compared: calls,
      sessions: [
        { id: 's', report: {}, reportNonce: 'ab'.repeat(32), transcripts: calls, providerType: 'sgx', modelName: 'gpt2' },
      ],
    });
  expect([isTranscripts({ format: 'assay-transcripts/1' }), isTranscripts({ format: 'x' }), isTranscripts(null)]).toEqual([
    true,
    false,
    false,
  ]);
});

it('refuses calls after the time that the policy names', async () => {
  expect(judge(built(2, 3600)).transcripts).toBe(2);
  await expectRefusal(() => judge(built(2, 3601)), 'transcripts/stale', ['3600 s', 'r1']);
});

it('refuses receipts that name another predecessor, or stand behind their closing receipt', async () => {
  const forked = built(3);
  const second = forked.receipts[1];
  const events =
    second?.events.map((event) => (event.type === 'transcript.bound' ? { ...event, previous_hash: textDigest('x') } : event)) ??
    [];
  const receipts = forked.receipts.map((receipt) => (receipt === second ? { ...receipt, events } : receipt));
  await expectCode(() => judge({ ...forked, receipts }), 'transcripts/reordered');
  const late = built(1);
  await expectCode(
    () =>
      judge({ ...late, receipts: late.receipts.map((receipt) => ({ ...receipt, index: receipt.id === 'closing' ? 0 : 5 })) }),
    'transcripts/reordered',
  );
});

it('refuses files without their parts', async () => {
  for (const member of ['sessions', 'transcripts', 'policy']) {
    const { file, receipts } = built(1);
    delete file[member];
    await expectCode(() => judge({ file, receipts }), 'transcripts/malformed');
  }
});

it('compares bindings as JSON: the order of members says nothing, and a member more or less is another binding', async () => {
  type Entry = { binding: Record<string, Record<string, unknown>> };
  const changed = (change: (entry: Entry) => void) => {
    const made = built(2);
    change((made.file.transcripts as Entry[])[1] as Entry);
    return () => judge(made);
  };
  const turned = changed(({ binding }) => {
    binding.binding = Object.fromEntries(Object.entries(binding.binding ?? {}).reverse());
  });
  expect(turned().transcripts).toBe(2);
  for (const value of [{ valid: true, more: 1 }, {}, [true], null, 'valid', { valid: 1 }])
    await expectCode(
      changed(({ binding }) => Object.assign(binding, { verification: value })),
      'transcripts/substituted',
    );
});
