// Empty frames as fast as the pipe takes them: nothing to keep, everything to do.
const frame = Uint8Array.of(0, 0, 0, 5, 17, 0, 0, 0, 0);
const many = new Uint8Array(frame.length * 4096);
for (let at = 0; at < many.length; at += frame.length) many.set(frame, at);
for (;;) Deno.stdout.writeSync(many);
