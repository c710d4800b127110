// The rooms whose checks are taken away one at a time, and the tests that must notice.
import { globSync } from 'node:fs';

const VERIFIERS = 'packages/attestation/src/verifier/**/*.test.ts';
const SHARED = 'packages/attestation/src/*.test.ts';

const ROOMS = {
  verifiers: {
    sources: ['packages/attestation/src/verifier/**/*.ts', 'packages/attestation/src/value-or.ts'],
    tests: [VERIFIERS, SHARED],
  },
  certificates: {
    sources: ['packages/attestation/src/certificates/**/*.ts'],
    tests: ['packages/attestation/src/certificates/**/*.test.ts', VERIFIERS],
  },
  appraisal: {
    sources: [
      'packages/attestation/src/appraisal/**/*.ts',
      'packages/attestation/src/{create-verifier,verify,companion-notes}.ts',
    ],
    tests: ['packages/attestation/src/appraisal/**/*.test.ts', SHARED],
  },
  receipt: { sources: ['packages/receipt/src/**/*.ts'], tests: ['packages/receipt/src/**/*.test.ts'] },
  channel: {
    sources: ['packages/channel/src/**/*.ts'],
    tests: ['packages/channel/src/**/*.test.ts', 'tests/channel/*.test.ts'],
  },
  upstream: {
    sources: ['packages/upstream/src/**/*.ts'],
    tests: ['packages/upstream/src/**/*.test.ts', 'tests/upstream/*.test.ts'],
  },
  bundle: {
    sources: ['packages/assay/src/verification/*.ts', 'packages/assay/src/connection/attestation.ts'],
    tests: [
      'packages/assay/src/verification/*.test.ts',
      'packages/assay/src/connection/*.test.ts',
      'tests/e2e/{verify,sdk-tasks,transcripts,compare-agents}.test.ts',
      'tests/rotation/refusals.test.ts',
    ],
  },
};

export const ROOM_NAMES = Object.keys(ROOMS);

/** Paths from the root: `{ sources, tests }` of a room, or of some of its files. */
export function filesOf(room, wanted) {
  const { sources, tests } = ROOMS[room];
  const isSource = (path) => !path.endsWith('.test.ts') && !path.endsWith('.d.ts');
  const found = globSync(sources).filter((path) => isSource(path) && (wanted ?? [path]).includes(path));
  // First the tests named like a file, then in the order of the patterns: those notice most.
  const isBeside = (test) => found.some((path) => test === path.replace(/\.ts$/, '.test.ts'));
  const all = [...new Set(tests.flatMap((pattern) => globSync(pattern).sort()))];
  return { sources: found.sort(), tests: [...all.filter(isBeside), ...all.filter((test) => !isBeside(test))] };
}
