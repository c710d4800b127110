/** Members of a report's evidence: those that are not known are shown as not checked. GPUs: tests/conformance/gpu-evidence.test.ts. */

import { encodeBase64 } from '@assay/encoding/base64';
import type { JsonObject } from '@assay/encoding/json';
import { expectRefusal, FAKE_NOW, fakeChain, fakeNitroDocument } from '@assay/testing';
import { expect, test } from 'vitest';
import { verifyAgentEvidence } from './agent-evidence.ts';
import { resolveTrust } from './certificates/trust.ts';

const chain = await fakeChain({ simulated: true });
const options = { time: FAKE_NOW, endorsements: [], trust: resolveTrust({ simulatedRoot: chain.root.der }) };

async function evidenceWith(userData: Uint8Array | null, more: JsonObject = {}): Promise<JsonObject> {
  const { document } = await fakeNitroDocument({ chain, fields: { user_data: userData, nonce: null, timestamp: FAKE_NOW } });
  return { document: encodeBase64(document), simulated: true, ...more };
}

const statement = new Uint8Array(32).fill(7);

test('a member that is not known is a check that was not made', async () => {
  const { claims } = await verifyAgentEvidence(await evidenceWith(statement, { gpus: [{}], later: 1 }), options);
  const [check] = claims.checks.filter(({ id }) => id === 'report.evidence-members');
  expect(check).toMatchObject({ outcome: 'not-checked', actual: expect.stringContaining('gpus, later') });
});

test('members that are known need no such check', async () => {
  const { claims, reportData, nonce } = await verifyAgentEvidence(await evidenceWith(statement), options);
  expect(claims.checks.some(({ id }) => id === 'report.evidence-members')).toBe(false);
  expect([reportData, nonce]).toEqual([statement, null]);
});

test('evidence without a slot, or of no TEE, is refused', async () => {
  await expectRefusal(verifyAgentEvidence(await evidenceWith(null), options), 'report/evidence-missing', ['nitro evidence']);
  await expectRefusal(verifyAgentEvidence({ gpus: [] }, options), 'report/evidence-missing', ['members gpus']);
});
