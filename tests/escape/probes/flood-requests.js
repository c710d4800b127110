// Requests without end, answers never read: the host must not keep them.
const head = new TextEncoder().encode(JSON.stringify({ method: 'GET', url: 'http://127.0.0.1/', headers: {} }));
const frame = new Uint8Array(9 + head.length);
const view = new DataView(frame.buffer);
view.setUint32(0, 5 + head.length);
view.setUint8(4, 19);
view.setUint32(5, head.length);
frame.set(head, 9);
for (;;) Deno.stdout.writeSync(frame);
