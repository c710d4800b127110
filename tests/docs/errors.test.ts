/** docs/errors.md and the code name the same codes, with the same kinds. */

import { readFileSync } from 'node:fs';
import { ATTESTATION_ERROR_KINDS } from '@assay/attestation';
import { CHANNEL_ERROR_KINDS } from '@assay/channel';
import { CLIENT_ERROR_KINDS } from '@assay/client';
import { ENCODING_ERROR_KINDS } from '@assay/encoding/errors';
import { RECEIPT_ERROR_KINDS } from '@assay/receipt';
import { describe, expect, it } from 'vitest';
import { CLI_ERROR_KINDS } from '../../packages/cli/src/errors.ts';
import { SERVER_ERROR_KINDS } from '../../packages/server/src/errors.ts';
import { LEDGER_ERROR_KINDS } from '../../packages/server/src/ports/ledger-error.ts';

const PAGE = readFileSync(new URL('../../docs/errors.md', import.meta.url), 'utf8');

/** Rows of the tables below one heading: code → kind. */
function documented(heading: string): Readonly<Record<string, string>> {
  const section = PAGE.split(/^## /m).find((part) => part.startsWith(heading)) ?? '';
  return Object.fromEntries(
    [...section.matchAll(/^\| `([^`]+)` *\| ([a-z]+) *\| ([^|]+) \| ([^|]+) \|$/gm)].map(([, code, kind, meaning, action]) => {
      expect(meaning?.trim().length, `${code} has a meaning`).toBeGreaterThan(3);
      expect(action?.trim().length, `${code} says what to do`).toBeGreaterThan(3);
      return [code, kind];
    }),
  );
}

describe.each<[string, Readonly<Record<string, string>>]>([
  ['@assay/encoding', ENCODING_ERROR_KINDS],
  ['@assay/attestation', ATTESTATION_ERROR_KINDS],
  ['@assay/receipt', RECEIPT_ERROR_KINDS],
  ['@assay/channel', CHANNEL_ERROR_KINDS],
  ['@assay/client', CLIENT_ERROR_KINDS],
  ['@assay/server', { ...SERVER_ERROR_KINDS, ...LEDGER_ERROR_KINDS }],
  ['assay (command line)', CLI_ERROR_KINDS],
])('%s', (heading, kinds) => {
  it('is documented code by code', () => {
    expect(documented(heading)).toEqual({ ...kinds });
  });
});
