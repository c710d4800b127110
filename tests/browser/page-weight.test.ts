/**
 * What the console weighs on the wire, gzip: the first load of each page at most 60 kB, the verifier on demand at most 150 kB. Weighed as
 * the built page is read by a browser: an entry, and everything it imports without asking again.
 */

import { describe, expect, it } from 'vitest';
import { consoleWeight } from './console-weight.ts';

const KILOBYTE = 1000;
const PAGES = [
  ...['developer', 'tasks', 'new-task', 'task', 'chat', 'receipts', 'receipt'],
  ...['verify', 'contracts', 'contract', 'owners', 'status'],
];
const weight = consoleWeight();

describe.skipIf(weight === null)('the built console', () => {
  it.each(PAGES)('/%s loads at most 60 kB at first', (page) => {
    const bytes = weight?.page(page) ?? 0;
    expect(bytes).toBeGreaterThan(10 * KILOBYTE);
    expect(bytes).toBeLessThanOrEqual(60 * KILOBYTE);
  });

  it('the verifier is at most 150 kB more', () => {
    const bytes = weight?.verifier() ?? 0;
    expect(bytes).toBeGreaterThan(50 * KILOBYTE);
    expect(bytes).toBeLessThanOrEqual(150 * KILOBYTE);
  });
});
