'use strict';

/**
 * The cell's end of the control socket (descriptor 3): frames as `u32be length | u8 type | u32be head length | head | body`.
 * Reading is asynchronous and keeps the process alive only while somebody waits; writing is synchronous, so that the last
 * frame leaves before the process ends.
 */

const fs = require('node:fs');
const net = require('node:net');

const CONTROL = 3;
const TYPE = { job: 1, ready: 2, request: 3, response: 4, done: 5, file: 7 };

function send(type, head, body = Buffer.alloc(0)) {
  const headBytes = Buffer.from(JSON.stringify(head));
  const frame = Buffer.alloc(9 + headBytes.length + body.length);
  frame.writeUInt32BE(5 + headBytes.length + body.length, 0);
  frame.writeUInt8(type, 4);
  frame.writeUInt32BE(headBytes.length, 5);
  headBytes.copy(frame, 9);
  Buffer.from(body.buffer, body.byteOffset, body.byteLength).copy(frame, 9 + headBytes.length);
  writeFully(CONTROL, frame);
}

/** Writes everything, waiting where the other side is slow. */
function writeFully(descriptor, bytes) {
  for (let at = 0; at < bytes.length; ) {
    try {
      at += fs.writeSync(descriptor, bytes, at);
    } catch (error) {
      if (error.code !== 'EAGAIN') throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
    }
  }
}

/** Calls `receive({ type, head, body })` for every frame of the host; gives the socket, for ref and unref. */
function listen(receive) {
  const socket = new net.Socket({ fd: CONTROL, readable: true, writable: false });
  let pending = Buffer.alloc(0);
  socket.on('data', (chunk) => {
    pending = pending.length === 0 ? chunk : Buffer.concat([pending, chunk]);
    while (pending.length >= 4) {
      const length = pending.readUInt32BE(0);
      if (pending.length < 4 + length) break;
      const frame = pending.subarray(4, 4 + length);
      pending = pending.subarray(4 + length);
      const headLength = frame.readUInt32BE(1);
      const head = headLength === 0 ? {} : JSON.parse(frame.toString('utf8', 5, 5 + headLength));
      receive({ type: frame.readUInt8(0), head, body: frame.subarray(5 + headLength) });
    }
  });
  socket.on('error', () => process.exit(70));
  socket.on('end', () => process.exit(70));
  return socket;
}

module.exports = { TYPE, send, listen, writeFully };
