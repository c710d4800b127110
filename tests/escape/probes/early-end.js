// Says that the program is over, by the events with which the engine says so, and runs on.
const tell = (event) => EventTarget.prototype.dispatchEvent.call(globalThis, event);
for (const name of ['beforeunload', 'unload', 'unhandledrejection', 'error']) {
  try {
    tell(new Event(name, { cancelable: true }));
  } catch {
    // Refused.
  }
}
try {
  process.exit(0);
} catch {
  console.log('ESCAPED ran on after its own exit');
}
for (;;) {}
