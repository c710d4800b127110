/** What `assay measure` cannot measure is named, with what it takes and what to do. Through the command: `wrong-kind.test.ts`. */

import { expect, test } from 'vitest';
import { notAnImage, notAnImageFolder } from './not-an-image.ts';

const TAKES =
  'an EIF, firmware (OVMF.fd), a SIGSTRUCT (.sig), app-compose.json, or the folder that rootfs.tar was unpacked into';

test('a file', () => {
  expect(notAnImage('x', new Uint8Array())).toMatchObject({
    code: 'cli/not-an-image',
    kind: 'malformed',
    message: `x: expected ${TAKES}, got an empty file; name one of these`,
  });
});

test.each([
  [[], 'unpack rootfs.tar there, or name a file'],
  [['assay.eif', 'app-compose.json'], 'name assay.eif or app-compose.json in it'],
])('a folder with %j', (measurable, advice) => {
  expect(notAnImageFolder('x', 'y', measurable).message).toBe(`x: expected ${TAKES}, got a folder without y; ${advice}`);
});
