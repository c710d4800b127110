/** Makes the memory snapshot from which Python guests start, and hands it to the host. Runs once for each version of its parts. */

import { type GuestConfig, MESSAGE } from '../messages.ts';
import { deno, send } from './deno.ts';
import { startInterpreter } from './python-interpreter.ts';

const CHUNK = 8 * 1024 * 1024;
const config = JSON.parse(deno.args[0] ?? '{}') as GuestConfig;
const python = await startInterpreter(config, true);
const bytes = python.makeMemorySnapshot();
for (let at = 0; at < bytes.length; at += CHUNK) send(MESSAGE.snapshot, null, bytes.subarray(at, at + CHUNK));
send(MESSAGE.done, { bytes: bytes.length });
deno.exit(0);
