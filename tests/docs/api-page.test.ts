/** docs/api.md shows the routes that are declared: `npx vitest run tests/docs/api-page.test.ts -u` writes its table again. */

import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { nameOf, type Route } from '../../packages/agent/src/http/route.ts';
import { startTestAgent } from '../e2e/agent.ts';

const PAGE = new URL('../../docs/api.md', import.meta.url).pathname;

function rowOf(route: Route): string {
  const { authority, answers, summary } = route;
  const said = Object.entries(answers).map(([status, { content }]) => {
    const mediaTypes = Object.keys(content).map((mediaType) => `\`${mediaType}\``);
    return mediaTypes.length === 0 ? status : `${status} ${mediaTypes.join(', ')}`;
  });
  return `| \`${nameOf(route)}\` | ${authority} | ${said.join('; ')} | ${summary} |`;
}

test('the page is what the routes declare', async () => {
  const { routes } = await startTestAgent();
  const page = readFileSync(PAGE, 'utf8');
  const table = ['| route | who | answers | what |', '| --- | --- | --- | --- |', ...routes.map(rowOf)].join('\n');
  // The table is the end of the page.
  await expect(`${page.slice(0, page.indexOf('| route |'))}${table}\n`).toMatchFileSnapshot(PAGE);
});
