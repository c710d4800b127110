/** spec/operator-policy.schema.json is what the reader of policies takes; `npx vitest run packages/operator -u` writes it. */

import { expect, it } from 'vitest';
import { z } from 'zod';
import { policySchema } from './policy.ts';

it('is published', async () => {
  const schema = {
    $id: 'urn:assay:operator-policy:1',
    title: 'Assay operator policy',
    ...z.toJSONSchema(policySchema, { io: 'input' }),
  };
  await expect(`${JSON.stringify(schema, null, 2)}\n`).toMatchFileSnapshot('../../../spec/operator-policy.schema.json');
});
