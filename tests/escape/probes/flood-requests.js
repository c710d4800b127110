// Requests without end, answers never read: the host must not keep them.
for (;;) {
  for (let index = 0; index < 1000; index += 1) fetch('http://127.0.0.1/').catch(() => {});
  await new Promise((done) => setTimeout(done));
}
