/** What the commands print of an agent fits a terminal of 80 columns: no table has wider rows. */

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { transcript } from '@assay/testing';
import { expect, test } from 'vitest';
import { run } from '../../packages/assay/src/command-line/program.ts';
import { API_KEY, MANIFEST, OPERATOR_KEY, OWNER_ADDRESSES, startOwnedAgent, temporary } from './owned-agent.ts';

const COLUMNS = 80;
const POLICY = {
  v: 'assay-operator-policy/1',
  chains: { '84532': { rpc_urls: ['https://sepolia.base.org'], max_fee_per_gas: '2000000000' } },
  rules: [{ id: 'status', effect: 'allow', match: { paths: ['message'], message: { starts_with: ['status of my-agent: '] } } }],
};
/** In this order; each with the least number of lines that it prints. */
const COMMANDS: readonly (readonly [words: string, lines: number])[] = [
  ['variables list', 5],
  ['variables set greeting --value-file value.txt --key-file owner.key', 1],
  ['variables set greeting --value-file value.txt --key-file owner.key --save change.json', 2],
  ['variables sign change.json --agent-id AGENT --key-file owner.key', 8],
  ['owners set-policy policy.json --key-file owner.key', 5],
  ['owners show', 8],
  ['variables history -o history.json', 3],
  ['variables verify history.json --simulated-root .assay/simulated-root.pem', 3],
  ['keys add a-team-with-a-rather-long-name --tasks 500 --tokens 2000000', 1],
  ['keys list', 2],
  ['keys usage', 1],
  ['operator rotate-keys', 5],
  ['receipt', 4],
  ['tasks list', 1],
  ['store status', 8],
  ['log fsck', 1],
  ['model list', 3],
  ['doctor', 5],
  ['tee-validation', 10],
  ['policy explain strict', 5],
];

test('every line of lists and tables', { timeout: 240_000 }, async () => {
  const directory = temporary();
  const manifest = { ...MANIFEST, owners: { addresses: OWNER_ADDRESSES.slice(0, 1), threshold: 1 } };
  const agent = await startOwnedAgent({ directory, manifest, environment: { ASSAY_DATA_DIR: join(directory, '.assay') } });
  writeFileSync(join(directory, 'owner.key'), '22'.repeat(32));
  writeFileSync(
    join(directory, 'value.txt'),
    'a greeting of several words that is longer than what a line of a terminal holds, by far',
  );
  writeFileSync(join(directory, 'policy.json'), JSON.stringify(POLICY));
  const { agent_id: id } = await agent.config();
  const wide: string[] = [];
  for (const [words, least] of COMMANDS) {
    const env = { ASSAY_URL: agent.url, ASSAY_API_KEY: API_KEY, ASSAY_OPERATOR_KEY: OPERATOR_KEY };
    const io = transcript({ cwd: directory, now: Date.now(), env, fetch: globalThis.fetch, columns: COLUMNS });
    await run(words.replace('AGENT', id).split(' '), io);
    const lines = stripVTControlCharacters(`${io.out()}${io.err()}`).trimEnd().split('\n');
    expect([words, lines.length]).toEqual([words, expect.toSatisfy((count: number) => count >= least)]);
    wide.push(...lines.filter((line) => line.length > COLUMNS).map((line) => `${words}: ${line}`));
  }
  expect(wide).toEqual([]);
});
