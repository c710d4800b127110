/** Prints one line a TEE (one test file each): right answers of all questions, and what was left out. Failures come first, in full. */

import { basename } from 'node:path';
import type { Reporter, TestModule } from 'vitest/node';

export default class TableReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const rows = modules.map(rowOf).sort((a, b) => a.name.localeCompare(b.name));
    const width = Math.max(4, ...rows.map(({ name }) => name.length));
    console.log(`\n${'TEE'.padEnd(width)}  right/total  left out`);
    for (const { name, right, total, skipped, failures } of rows) {
      console.log(`${name.padEnd(width)}  ${`${right}/${total}`.padStart(11)}  ${skipped === 0 ? '-' : skipped}`);
      for (const failure of failures) console.log(`  WRONG ${failure}`);
    }
    const right = rows.reduce((sum, row) => sum + row.right, 0);
    const total = rows.reduce((sum, row) => sum + row.total, 0);
    console.log(`${'all'.padEnd(width)}  ${`${right}/${total}`.padStart(11)}\n`);
  }
}

interface Row {
  readonly name: string;
  readonly right: number;
  readonly total: number;
  readonly skipped: number;
  readonly failures: readonly string[];
}

/** A file that does not load counts as one wrong answer. */
function rowOf(module: TestModule): Row {
  const tests = [...module.children.allTests()];
  const states = tests.map((test) => test.result().state);
  const failures = [
    ...module.errors().map(({ message }) => message),
    ...tests
      .filter((test) => test.result().state === 'failed')
      .map((test) => `${test.fullName}: ${test.result().errors?.[0]?.message ?? ''}`),
  ];
  return {
    name: basename(module.moduleId, '.test.ts'),
    right: states.filter((state) => state === 'passed').length,
    total: states.filter((state) => state !== 'skipped').length + module.errors().length,
    skipped: states.filter((state) => state === 'skipped').length,
    failures,
  };
}
