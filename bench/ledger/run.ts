/**
 * What the ledger costs, each figure with the ratio that its reach speaks of, both sides measured in turn in one run.
 *
 *   npm run bench:ledger -- [append encryption nonce large postgres …] [--rounds N] [--base DIRECTORY | --no-base]
 *
 * `append` holds this tree against commit 92c7dac, which the first run makes ready in .cache (npm's registry is needed once). `postgres` needs
 * its server (apt-get install postgresql), or ASSAY_TEST_DATABASE_URL. Without names all are run, about four minutes on a quiet machine.
 */

import { cpus, loadavg } from 'node:os';
import { HAS_POSTGRES } from '../../tests/postgres/server.ts';
import { programOptions } from '../../tools/program-options.ts';
import { payloadEncryption } from './encryption.ts';
import { type BenchRow, printRow } from './figures.ts';
import { largeLog } from './large-log.ts';
import { nonceCheck } from './nonces.ts';
import { postgresAppends } from './postgres.ts';
import { sealedAppends } from './sealed-append.ts';

const PARTS = ['append', 'encryption', 'nonce', 'large', 'postgres'] as const;
const { values, positionals } = programOptions({
  call: 'npm run bench:ledger',
  does: 'What the ledger costs, each figure with its ratio.',
  options: {
    rounds: { takes: 'N', about: 'of each figure', number: 'count', default: '9' },
    base: { takes: 'DIR', about: 'another tree to compare appends with; left out: commit 92c7dac' },
    'no-base': { about: 'compares appends with nothing' },
  },
  arguments: [{ name: 'PART', about: 'left out: each of them', choices: PARTS, repeated: true }],
});
const rounds = Number(values.rounds);
const base = values['no-base'] ? null : values.base;

const parts: Readonly<Record<(typeof PARTS)[number], () => Promise<readonly BenchRow[]>>> = {
  append: () => sealedAppends({ rounds, base }),
  encryption: () => payloadEncryption(rounds),
  nonce: async () => [nonceCheck(rounds)],
  large: () => largeLog(rounds),
  postgres: async () => (HAS_POSTGRES ? [await postgresAppends(rounds)] : []),
};

const names = PARTS.filter((name) => positionals.length === 0 || positionals.includes(name));
console.log(
  `Node ${process.version}, SQLite ${process.versions.sqlite}, ${cpus().length} × ${cpus()[0]?.model ?? '?'}, ${rounds} rounds`,
);
console.log(`load ${loadavg()[0]?.toFixed(1)} before the first row\n`);
console.log('| what | figure | ratio | reach |\n| --- | --- | --- | --- |');
for (const name of names) for (const row of await parts[name]()) printRow(row);
console.log(`\nload ${loadavg()[0]?.toFixed(1)} after the last`);
process.exit(0);
