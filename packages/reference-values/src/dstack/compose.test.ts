/** Application files of dstack: the hash of a genuine one, images by tag, and what is no such file. */

import { utf8 } from '@assay/encoding/bytes';
import { expectRefusal, readVector, vectorsDirectory } from '@assay/testing';
import { describe, expect, test } from 'vitest';
import { measureCompose } from './compose.ts';

const DIGEST = `sha256:${'ab'.repeat(32)}`;
const file = (compose: unknown, rest: Readonly<Record<string, unknown>> = {}): Uint8Array =>
  utf8(
    JSON.stringify({ manifest_version: 2, name: 'sample', runner: 'docker-compose', docker_compose_file: compose, ...rest }),
  );
const services = (...images: readonly string[]): string =>
  `services:\n${images.map((image, at) => `  s${at}:\n    image: ${image}\n`).join('')}`;

test.runIf(vectorsDirectory() !== null)('the hash of a genuine application is what its guest measured', async () => {
  const { values, facts } = await measureCompose(readVector('dstack/near-mpc.app_compose.json'));
  expect(values['compose-hash']).toBe('2911e1f733466216dedb862d6d669e11256ee7a34ce4dbc66c4b807ba7a9c895');
  expect(facts.images).toContain('nearone/mpc-launcher@sha256:5618a93a');
});

test('the bytes count, not the JSON', async () => {
  const pinned = file(services(`app@${DIGEST}`));
  const spaced = utf8(JSON.stringify(JSON.parse(new TextDecoder().decode(pinned)), null, 1));
  expect((await measureCompose(pinned)).values).not.toEqual((await measureCompose(spaced)).values);
});

test.each([
  ['a tag', 'app:1.2'],
  ['no tag', 'app'],
  ['a digest in front of a tag', `app@${DIGEST}:latest`],
  ['a short digest', 'app@sha256:abab'],
])('an image with %s is refused, and accepted by name', async (_, image) => {
  const floating = file(services(`app@${DIGEST}`, `"${image}"`));
  await expectRefusal(measureCompose(floating), 'compose/floating-image', [image, 'image@sha256:']);
  expect((await measureCompose(floating, { allowFloatingImages: true })).facts['named by tag alone']).toBe(image);
});

describe('refused', () => {
  test.each<[string, Uint8Array, readonly string[]]>([
    ['no JSON', utf8('services:'), ['app-compose.json']],
    ['a list', utf8('[]'), ['manifest_version']],
    ['a docker compose file itself', utf8('{"services":{}}'), ['runner']],
    ['no compose text', file(7), ['docker_compose_file']],
    ['broken YAML', file('services: ['), ['valid YAML']],
    ['a key twice', file('services:\n  a: {image: x}\n  a: {image: y}\n'), ['valid YAML']],
    ['no services', file('version: "3"\n'), ['services']],
    ['a service that is built', file('services:\n  a:\n    build: .\n'), ['an image for the service a']],
    [
      'aliases without end',
      file(
        `a: &a [x,x]\n${'bcdefghijk'
          .split('')
          .map((name, at) => `${name}: &${name} [*${'abcdefghij'[at]},*${'abcdefghij'[at]}]`)
          .join('\n')}\nservices: {a: {image: x}}\n`,
      ),
      ['few aliases'],
    ],
    ['a file too long', file('x'.repeat(1024 * 1024)), ['app-compose.json']],
  ])('%s', async (_, bytes, words) => {
    await expectRefusal(measureCompose(bytes), 'compose/malformed', words);
  });
});
