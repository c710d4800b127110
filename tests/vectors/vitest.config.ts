/** `npm run vectors`: every test on hardware-signed evidence, with a table of right answers per TEE at the end. */

import { defineConfig, mergeConfig } from 'vitest/config';
import base from '../../vitest.config.ts';

export default mergeConfig(
  { ...base, test: { ...base.test, projects: undefined } },
  defineConfig({
    test: {
      include: ['tests/vectors/*.test.ts'],
      reporters: ['tests/vectors/table-reporter.ts'],
      env: { ASSAY_EVERY_BIT: '1' },
      testTimeout: 600_000,
    },
  }),
);
