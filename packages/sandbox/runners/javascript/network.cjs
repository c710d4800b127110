'use strict';

/**
 * Gives code in the sandbox an HTTP client that hands every exchange to the host over the control socket: `fetch`, and a
 * stream under `http.request` and `https.request`, so that libraries keep working. TLS is spoken by the host, which checks
 * the allow-list and records both bodies; the sandbox itself has no network.
 */

const http = require('node:http');
const https = require('node:https');
const { Duplex } = require('node:stream');

const HOP_BY_HOP = new Set(['connection', 'keep-alive', 'transfer-encoding', 'content-length', 'content-encoding']);

function install({ exchange }) {
  globalThis.fetch = async (input, init) => {
    const request = new Request(input, init);
    const body = Buffer.from(await request.arrayBuffer());
    const given = { method: request.method, url: request.url, headers: Object.fromEntries(request.headers) };
    const answer = await exchange(given, body).catch((error) => {
      throw Object.assign(new TypeError(`fetch failed: ${error.message}`), { cause: error });
    });
    const empty = answer.status === 204 || answer.status === 205 || answer.status === 304;
    const response = new Response(empty ? null : answer.body, { status: answer.status, headers: plainHeaders(answer.headers) });
    Object.defineProperty(response, 'url', { value: request.url });
    return response;
  };
  http.Agent.prototype.createConnection = (options) => new BridgeStream('http:', options, exchange);
  https.Agent.prototype.createConnection = (options) => new BridgeStream('https:', options, exchange);
}

function plainHeaders(headers) {
  return Object.entries(headers ?? {}).filter(([name]) => !HOP_BY_HOP.has(name.toLowerCase()));
}

/** Looks like a connected socket to Node's HTTP client; understands HTTP/1.1 requests, one after the other. */
class BridgeStream extends Duplex {
  #protocol;
  #authority;
  #exchange;
  #pending = Buffer.alloc(0);

  constructor(protocol, options, exchange) {
    super();
    const port = Number(options.port ?? (protocol === 'https:' ? 443 : 80));
    const usual = port === (protocol === 'https:' ? 443 : 80);
    this.#protocol = protocol;
    this.#authority = usual ? options.host : `${options.host}:${port}`;
    this.#exchange = exchange;
    this.encrypted = protocol === 'https:';
    this.authorized = true;
    process.nextTick(() => {
      this.emit('connect');
      this.emit('secureConnect');
    });
  }

  setTimeout() {
    return this;
  }
  setNoDelay() {
    return this;
  }
  setKeepAlive() {
    return this;
  }
  ref() {
    return this;
  }
  unref() {
    return this;
  }
  _read() {}

  _write(chunk, _encoding, done) {
    this.#pending = Buffer.concat([this.#pending, chunk]);
    const request = takeRequest(this.#pending);
    if (request === null) return done();
    this.#pending = request.rest;
    const url = /^https?:/.test(request.target) ? request.target : `${this.#protocol}//${this.#authority}${request.target}`;
    this.#exchange({ method: request.method, url, headers: request.headers }, request.body).then(
      (answer) => this.push(responseBytes(answer, request.method)),
      (error) => this.destroy(error),
    );
    return done();
  }
}

/** The first complete request of the bytes, or `null` when more must come. */
function takeRequest(bytes) {
  const end = bytes.indexOf('\r\n\r\n');
  if (end === -1) return null;
  const [line, ...fields] = bytes.toString('latin1', 0, end).split('\r\n');
  const [method, target] = line.split(' ');
  const headers = {};
  for (const field of fields) {
    const colon = field.indexOf(':');
    headers[field.slice(0, colon).trim().toLowerCase()] = field.slice(colon + 1).trim();
  }
  const start = end + 4;
  if (/chunked/i.test(headers['transfer-encoding'] ?? '')) {
    const body = takeChunks(bytes, start);
    return body === null
      ? null
      : { method, target, headers: forHost(headers), body: body.bytes, rest: bytes.subarray(body.end) };
  }
  const length = Number(headers['content-length'] ?? 0);
  if (bytes.length < start + length) return null;
  const body = bytes.subarray(start, start + length);
  return { method, target, headers: forHost(headers), body, rest: bytes.subarray(start + length) };
}

function takeChunks(bytes, start) {
  const parts = [];
  for (let at = start; ; ) {
    const line = bytes.indexOf('\r\n', at);
    if (line === -1) return null;
    const size = Number.parseInt(bytes.toString('latin1', at, line), 16);
    if (bytes.length < line + 2 + size + 2) return null;
    if (size === 0) return { bytes: Buffer.concat(parts), end: line + 4 };
    parts.push(bytes.subarray(line + 2, line + 2 + size));
    at = line + 2 + size + 2;
  }
}

function forHost(headers) {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !HOP_BY_HOP.has(name) && name !== 'host'));
}

function responseBytes(answer, method) {
  const fields = plainHeaders(answer.headers).map(([name, value]) => `${name}: ${String(value).replace(/[\r\n]+/g, ' ')}\r\n`);
  const head = `HTTP/1.1 ${answer.status} ${http.STATUS_CODES[answer.status] ?? 'Status'}\r\n${fields.join('')}content-length: ${answer.body.length}\r\n\r\n`;
  return Buffer.concat([Buffer.from(head, 'latin1'), method === 'HEAD' ? Buffer.alloc(0) : answer.body]);
}

module.exports = { install };
