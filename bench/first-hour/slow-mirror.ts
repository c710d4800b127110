/** A mirror of one file on loopback that gives at most so many bytes a second, as a line of that speed would. */

import { once } from 'node:events';
import { open, stat } from 'node:fs/promises';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

export interface SlowMirror {
  /** The folder; the file's name follows. */
  readonly url: string;
  close(): void;
}

const BLOCK = 128 * 1024;

/** @param rate bytes a second, for all readers together */
export async function startSlowMirror(file: string, rate: number): Promise<SlowMirror> {
  const { size } = await stat(file);
  const server = createServer((request, response) => {
    const from = Number(/^bytes=([0-9]+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
    const length = { 'content-length': size - from };
    if (from === 0) response.writeHead(200, length);
    else response.writeHead(206, { ...length, 'content-range': `bytes ${from}-${size - 1}/${size}` });
    give(file, from, rate, response).catch(() => response.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, close: () => server.close() };
}

async function give(file: string, from: number, rate: number, response: ServerResponse): Promise<void> {
  const handle = await open(file);
  const begun = performance.now();
  try {
    const block = Buffer.alloc(BLOCK);
    for (let at = from; !response.destroyed; ) {
      const { bytesRead } = await handle.read(block, 0, BLOCK, at);
      if (bytesRead === 0) break;
      at += bytesRead;
      if (!response.write(Buffer.from(block.subarray(0, bytesRead)))) await once(response, 'drain');
      const ahead = ((at - from) / rate) * 1000 - (performance.now() - begun);
      if (ahead > 0) await sleep(ahead);
    }
    response.end();
  } finally {
    await handle.close();
  }
}
