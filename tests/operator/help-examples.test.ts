/** The examples in the help of `assay variables`, `owners` and `operator` run as they stand, in their order, against a started agent. */

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { transcript } from '@assay/testing';
import { expect, test } from 'vitest';
import { EXAMPLES } from '../../packages/assay/src/command-line/examples.ts';
import { run } from '../../packages/assay/src/command-line/program.ts';
import { API_KEY, MANIFEST, OPERATOR_KEY, OWNER_ADDRESSES, startOwnedAgent, temporary } from './owned-agent.ts';

/** A placeholder for a hash that only an agent with a waiting transaction has; owners-command.test.ts approves one. */
const WAITS = '0xabc';

test.each(['variables', 'owners', 'operator'])('assay %s', { timeout: 120_000 }, async (name) => {
  const directory = temporary();
  const manifest = { ...MANIFEST, owners: { addresses: OWNER_ADDRESSES.slice(0, 2), threshold: 1 } };
  const agent = await startOwnedAgent({ directory, manifest, environment: { ASSAY_DATA_DIR: join(directory, '.assay') } });
  const files = {
    'owner.key': '22'.repeat(32),
    'other.key': '33'.repeat(32),
    'value.txt': 'good morning',
    'policy.json': '{"v":"assay-operator-policy/1","chains":{},"rules":[]}',
  };
  for (const [file, text] of Object.entries(files)) writeFileSync(join(directory, file), text);
  const { agent_id: id } = await agent.config();
  const lines = (EXAMPLES[name] ?? []).map(([line]) => line).filter((line) => !line.includes(WAITS));
  expect(lines.length).toBeGreaterThan(1);
  for (const line of lines) {
    const env = { ASSAY_URL: agent.url, ASSAY_API_KEY: API_KEY, ASSAY_OPERATOR_KEY: OPERATOR_KEY };
    const io = transcript({ cwd: directory, now: Date.now(), env, fetch: globalThis.fetch });
    const words = line.replace('$AGENT_ID', id).split(' ').slice(1);
    expect([line, await run(words, io), io.err()]).toEqual([line, 0, expect.not.stringContaining('error:')]);
  }
});
