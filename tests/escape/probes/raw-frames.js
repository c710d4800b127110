// A frame that claims four gigabytes, then noise: the host must end the job, not wait or allocate.
const noise = crypto.getRandomValues(new Uint8Array(4096));
Deno.stdout.writeSync(Uint8Array.of(0xff, 0xff, 0xff, 0xff, 22));
Deno.stdout.writeSync(noise);
for (;;) {}
