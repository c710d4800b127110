/**
 * Closes the realm behind the Python interpreter: no globals beyond the list, no file systems but the one in memory, no loading of
 * packages or modules by the interpreter's own interface, and no permission to read files any more.
 */

import type { Interpreter } from './python-interpreter.ts';
import { closeRealm } from './realm.ts';
import { deno } from './wire.ts';

const USER = 1000;
/** What the interpreter's C library asks of a process. `os._exit` throws on its own. */
const PROCESS = {
  exitCode: 0,
  argv: ['python'],
  versions: { node: '24.0.0' },
  on: () => {},
  exit: () => {},
  getuid: () => USER,
  geteuid: () => USER,
  getgid: () => USER,
  getegid: () => USER,
};

/** File systems that reach beyond memory. */
const FOREIGN_FILES = ['NODEFS', 'IDBFS', 'WORKERFS', 'NATIVEFS_ASYNC'];

/** Called once, after everything was loaded and before the first job. */
export function closePythonRealm(python: Interpreter): void {
  const { filesystems } = python.FS as unknown as { readonly filesystems: object };
  for (const name of FOREIGN_FILES) Reflect.deleteProperty(filesystems, name);
  Object.defineProperty(globalThis, 'process', { value: PROCESS, writable: true, configurable: true });
  closeRealm();
  deno.permissions.revokeSync({ name: 'read' });
}
