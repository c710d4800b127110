// Frames that the sandbox's own code would never send: hostile paths, repeated files, false lengths of things, an early end.
const frame = (type, head, body = new Uint8Array(0)) => {
  const text = new TextEncoder().encode(JSON.stringify(head));
  const bytes = new Uint8Array(9 + text.length + body.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, 5 + text.length + body.length);
  view.setUint8(4, type);
  view.setUint32(5, text.length);
  bytes.set(text, 9);
  bytes.set(body, 9 + text.length);
  Deno.stdout.writeSync(bytes);
};
const file = new TextEncoder().encode('forged');
for (const path of [
  '/etc/passwd',
  '/tmp/../etc/passwd',
  '../../x',
  '/tmp/\u001b[31mred',
  '/tmp/a\nb',
  '/tmp/\u202egnp.exe',
  '/tmp/-rf',
  '',
  null,
  { a: 1 },
]) {
  frame(20, { path }, file);
}
frame(20, { path: '/tmp/plain.txt' }, file);
frame(20, { path: '/tmp/plain.txt' }, file);
frame(21, { path: 'x'.repeat(100_000), reason: 'y'.repeat(100_000) });
frame(22, { exitCode: 'zero', value: 7, error: { name: 1, message: null, traceback: [] }, diskFull: 'yes' });
for (;;) {}
