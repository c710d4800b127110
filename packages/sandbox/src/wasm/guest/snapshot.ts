/** Makes the memory snapshot from which Python guests start, and hands it to the host. Runs once for each version of its parts. */

import { type GuestConfig, MESSAGE } from '../messages.ts';

import { startInterpreter } from './python-interpreter.ts';
import { deno, plain, send } from './wire.ts';

const CHUNK = 8 * 1024 * 1024;
const config = JSON.parse(deno.args[0] ?? '{}') as GuestConfig;
const python = await startInterpreter(config, true);
const bytes = python.makeMemorySnapshot();
for (let at = 0; at < bytes.length; at += CHUNK) send(MESSAGE.snapshot, null, bytes.subarray(at, at + CHUNK));
send(MESSAGE.done, plain({ bytes: bytes.length }));
deno.exit(0);
