const held = [];
for (let size = 0; size < 4096; size += 32) held.push(new Uint8Array(32 << 20).fill(1));
console.log('ESCAPED held', held.length * 32, 'MiB');
