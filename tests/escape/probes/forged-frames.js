// Everything that the sandbox's own code may call while it writes a frame is replaced, so that what it writes says what this wants: an
// early end, another exit status, another file. What was taken before this ran goes on as it was.
require('node:fs').writeFileSync('/tmp/honest.txt', 'honest');
const forged = new TextEncoder().encode(
  JSON.stringify({ exitCode: 77, value: 'forged', error: null, diskFull: false, over: false }),
);
const frame = new Uint8Array(9 + forged.length);
new DataView(frame.buffer).setUint32(0, 5 + forged.length);
frame[4] = 22;
new DataView(frame.buffer).setUint32(5, forged.length);
frame.set(forged, 9);
const real = { set: Uint8Array.prototype.set, subarray: Uint8Array.prototype.subarray };
const typed = Object.getPrototypeOf(Uint8Array.prototype);
typed.set = function () {
  return Reflect.apply(real.set, this, [frame.slice(0, this.length)]);
};
typed.subarray = () => frame;
TextEncoder.prototype.encode = () => forged;
JSON.stringify = () => '{"exitCode":77,"value":"forged","error":null}';
Object.prototype.toJSON = () => ({ exitCode: 77, value: 'forged', error: null });
Object.prototype.cell = 'forged';
Object.prototype.over = false;
Array.prototype.push = function (...values) {
  for (const value of values) this[this.length] = typeof value === 'object' ? frame : value;
  return this.length;
};
DataView.prototype.setUint32 = () => {};
Function.prototype.call = Function.prototype.apply = () => frame;
Promise.prototype.finally = () => frame;
process.stdout.write('ran on');
